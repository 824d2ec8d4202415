#include "common/facts/exchange.h"

#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/facts/difference.h"
#include "common/facts/facts_json.h"
#include "common/facts/parcel.h"

namespace faultline::facts {

std::uint64_t digest_of(const Facts& facts) {
  constexpr std::uint64_t kOffset = 0xcbf29ce484222325;
  constexpr std::uint64_t kPrime = 0x100000001b3;
  const auto text = to_json(facts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  auto hash = kOffset;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * kPrime;
  return hash == 0 ? 1 : hash;
}

namespace {

constexpr std::uint16_t kEphemeralPort = 32'768;  // ip_local_port_range begins there

// Entries come and go with every conversation. Of those that matter longer (gateways, what was set
// by hand) it is news whether they are found, and where.
void keep_lasting_neighbors(Facts& facts) {
  std::set<IpAddress> gateways;
  if (facts.routes) {
    for (const auto& route : facts.routes->items) {
      for (const auto& hop : route.next_hops) {
        if (hop.gateway) gateways.insert(*hop.gateway);
      }
    }
  }
  auto& neighbors = *facts.neighbors;
  std::erase_if(neighbors.items, [&](const Neighbor& neighbor) {
    return neighbor.state != "permanent" && !gateways.contains(neighbor.address);
  });
  neighbors.total = 0;
  for (auto& neighbor : neighbors.items) {
    if (neighbor.state != "failed" && neighbor.state != "permanent") neighbor.state.clear();
  }
}

}  // namespace

Facts lasting(Facts facts) {
  facts.collected_at = {};
  facts.cpu.reset();
  if (facts.clock) *facts.clock = {.synchronized = facts.clock->synchronized};
  if (facts.interfaces) {
    for (auto& interface : facts.interfaces->items) interface.counters.reset();
  }
  if (facts.addresses) {
    for (auto& address : facts.addresses->items) address.valid_seconds.reset();
  }
  if (facts.neighbors) keep_lasting_neighbors(facts);
  facts.bridge_entries.reset();
  facts.heard.reset();
  if (facts.listeners) {
    // A client's socket, not a service.
    std::erase_if(facts.listeners->items, [](const Listener& listener) {
      return listener.protocol == "udp" && listener.port >= kEphemeralPort;
    });
    facts.listeners->total = 0;
  }
  if (facts.firewall) {
    for (auto& rule : facts.firewall->rules.items) rule.packets.reset();
    for (auto& rule : facts.firewall->translations.items) rule.packets.reset();
  }
  facts.sysctls.erase("net.netfilter.nf_conntrack_count");
  return facts;
}

Result<std::optional<FactsUpdate>> Sender::next(const Facts& facts) {
  if (base_ && facts.collected_at - base_->facts.collected_at < kRefreshInterval &&
      facts.collected_at >= base_->facts.collected_at && lasting(base_->facts) == lasting(facts)) {
    return std::nullopt;
  }
  FactsUpdate update{.collected_at = facts.collected_at,
                     .base = base_ ? base_->digest : 0,
                     .digest = digest_of(facts)};
  FAULTLINE_TRY(update.payload,
                pack(base_ ? difference(base_->facts, facts) : to_json(facts).dump()));
  if (update.payload.size() > kFactsPayloadMax) {
    return fail(ErrorCode::kLimit, fmt::format("a snapshot of {} bytes does not fit a message",
                                               update.payload.size()));
  }
  pending_ = Held{facts, update.digest};
  return update;
}

void Sender::acknowledged(const FactsAck& ack) {
  if (pending_ && pending_->digest == ack.digest) {
    base_ = std::exchange(pending_, std::nullopt);
  } else if (!base_ || base_->digest != ack.digest) {
    base_.reset();
  }
}

Result<Facts> follow(const std::optional<Facts>& latest, const FactsUpdate& update) {
  FAULTLINE_TRY(const auto text, unpack(update.payload, kDocumentMax));
  if (update.base == 0) {
    // Of a newer probe: what this build does not know is left out, and each of its updates is all
    // of it.
    return from_text(text);
  }
  if (!latest || digest_of(*latest) != update.base) {
    return fail(ErrorCode::kConflict, "the difference builds on a snapshot that is not kept here");
  }
  FAULTLINE_TRY(auto facts, apply_difference(*latest, text));
  if (digest_of(facts) != update.digest) {
    return fail(ErrorCode::kConflict, "the difference does not lead to the snapshot that was sent");
  }
  return facts;
}

}  // namespace faultline::facts
