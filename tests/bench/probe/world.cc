#include "tests/bench/probe/world.h"

#include <cstdlib>

#include <fmt/format.h>

#include "probe/app/state_dir.h"

namespace faultline::bench {
namespace {

constexpr std::uint16_t kLargeOctets = 1500;
constexpr std::uint32_t kNodesPerRack = 40;

probe_app::StateDir opened(const std::filesystem::path& path) {
  auto state = probe_app::StateDir::open(path);
  if (!state) die(state.error().context);
  return *state;
}

PlanPeer peer_of(std::uint32_t node, std::uint32_t address, const crypto::KeyPair& keys,
                 bool authenticated) {
  return {.node = NodeId{node},
          .name = fmt::format("n{}", node),
          .address = IpAddress::v4(address),
          .reflector_port = kReflectorPort,
          .key = keys.public_key,
          .authenticates = authenticated,
          .group = static_cast<std::uint16_t>(1 + node / kNodesPerRack)};
}

}  // namespace

void die(const std::string& why) {
  fmt::print(stderr, "probe_bench: {}\n", why);
  std::exit(1);
}

Keys keys_in(const std::filesystem::path& state) {
  auto near = opened(state).node_key();
  auto far = opened(state / "far").node_key();
  if (!near || !far) die((near ? far : near).error().context);
  return {*near, *far};
}

Plan near_plan(const Shape& shape, const Keys& keys) {
  Plan plan{.revision = PlanRevision{1},
            .node = NodeId{kNearNode},
            .window = shape.window,
            .flow_interval = shape.interval,
            .packets_per_second_max = shape.rate_max};
  for (std::uint32_t i = 0; i < shape.targets; ++i) {
    plan.peers.push_back(
        peer_of(kFarNodeFirst + i, kFarAddressFirst + i, keys.far, shape.authenticated));
  }
  for (std::uint32_t i = 0; i < shape.flows; ++i) {
    const std::uint32_t target = i % shape.targets;
    // As the planner: a target's first port is a function of its number.
    const std::uint32_t port = (target + i / shape.targets) % kSourcePorts;
    const bool large = shape.large_one_in != 0 && i % shape.large_one_in == 0;
    plan.flows.push_back({.peer = target,
                          .source_port = static_cast<std::uint16_t>(kSourcePort + port),
                          .size = large ? kLargeOctets : std::uint16_t{0}});
  }
  return plan;
}

Plan far_plan(const Keys& keys, bool authenticated) {
  Plan plan{.revision = PlanRevision{1}, .node = NodeId{kFarNodeFirst}};
  plan.peers = {peer_of(kNearNode, kNearAddress, keys.near, authenticated)};
  return plan;
}

void write_state(const std::filesystem::path& state, const Shape& shape) {
  const auto keys = keys_in(state);
  const auto directory = opened(state);
  // Nobody listens there: the probe goes on by its plan, as through an outage of its controller.
  auto status = directory.save_membership({.node = NodeId{kNearNode},
                                           .name = "near",
                                           .endpoints = {"tcp://10.77.0.2:7400"},
                                           .controllers = {keys.far.public_key}});
  if (status) status = directory.save_plan(near_plan(shape, keys));
  if (!status) die(status.error().context);
}

}  // namespace faultline::bench
