#include "common/facts/exchange.h"

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
  if (facts.neighbors) {
    for (auto& neighbor : facts.neighbors->items) neighbor.state.clear();
  }
  if (facts.firewall) {
    for (auto& rule : facts.firewall->rules.items) rule.packets.reset();
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
