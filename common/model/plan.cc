#include "common/model/plan.h"

#include <concepts>
#include <span>

namespace faultline {
namespace {

class Fnv {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    for (const auto byte : bytes) state_ = (state_ ^ byte) * 0x100000001b3ULL;
  }
  template <std::integral T>
  void add(T value) {
    for (std::size_t i = 0; i < 8; ++i) {
      const auto byte = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
      state_ = (state_ ^ byte) * 0x100000001b3ULL;
    }
  }
  void add(const std::string& text) {
    add(text.size());
    add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

}  // namespace

DestinationGroup destination_group(const PlanPeer& peer) {
  if (peer.group != 0) return {.told = peer.group};
  DestinationGroup group;
  const std::size_t octets = peer.address.is_v4() ? 3 : 8;
  for (std::size_t i = 0; i < octets; ++i) {
    group.prefix = group.prefix << 8 | peer.address.bytes()[i];
  }
  return group;
}

double trace_visits_per_second(const Plan& plan) {
  if (plan.traces_per_second == 0 || plan.trace_interval == Duration::zero()) {
    return plan.traces_per_second;
  }
  return 1 / std::chrono::duration<double>(plan.trace_interval).count();
}

double trace_probes_per_second(const Plan& plan) {
  const bool spaced = plan.trace_interval != Duration::zero();
  return trace_visits_per_second(plan) * (spaced ? 2 : 1);
}

std::uint64_t plan_hash(const Plan& plan) {
  Fnv hash;
  hash.add(plan.revision.value());
  hash.add(plan.node.value());
  for (const auto duration : {plan.window, plan.flow_interval, plan.reply_timeout, plan.lease}) {
    hash.add(duration.count());
  }
  hash.add(plan.packets_per_second_max);
  hash.add(plan.traces_per_second);
  // Not the limits that came later, for the reason below.
  hash.add(plan.peers.size());
  for (const auto& peer : plan.peers) {
    hash.add(peer.node.value());
    hash.add(peer.name);
    hash.add(peer.address.is_v4());
    hash.add(std::span<const std::uint8_t>(peer.address.bytes()));
    hash.add(peer.reflector_port);
    hash.add(peer.mesh_port);
    hash.add(std::span<const std::uint8_t>(peer.key.bytes));
    // Nothing where there is none, so that a probe that knows no second keys agrees on the hash.
    if (peer.second_key) hash.add(std::span<const std::uint8_t>(peer.second_key->bytes));
    // Not whether it authenticates, nor its group: a probe from before that must agree on the hash,
    // and a plan that says otherwise has another revision.
  }
  hash.add(plan.flows.size());
  for (const auto& flow : plan.flows) {
    hash.add(flow.peer);
    hash.add(flow.source_port);
    // Not its size and class, for the same reason.
  }
  return hash.value();
}

}  // namespace faultline
