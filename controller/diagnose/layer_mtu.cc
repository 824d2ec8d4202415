// Layer MTU: the sizes that both ends use, and the largest that was seen to pass.
#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

void look_at_tried(const Pair& pair, Checks& checks) {
  for (const auto& tried : pair.in.tried) {
    if (tried.what != "mtu" || !is_telling(pair.in, tried)) continue;
    const auto& from = tried.from_b ? pair.in.b : pair.in.a;
    const auto& to = tried.from_b ? pair.in.a : pair.in.b;
    const bool ok = passed(tried);
    Check check{.layer = Layer::kMtu,
                .level = ok ? Level::kOk : Level::kFail,
                .code = ok                           ? "mtu_passes"
                        : tried.outcome == "timeout" ? "mtu_black_hole"
                                                     : "mtu_low",
                .nodes = {from.name, to.name},
                .evidence = {tried.detail}};
    check.summary =
        ok ? fmt::format("packets of full size pass from {} to {}", from.name, to.name)
           : fmt::format("packets of {} do not pass from {} to {}",
                         tried.mtu ? fmt::format("more than {} bytes", *tried.mtu) : "full size",
                         from.name, to.name);
    if (!ok) {
      check.remedy = tried.outcome == "timeout"
                         ? "A device on the way drops them without saying so: raise its MTU or let "
                           "ICMP 'fragmentation needed' pass."
                         : "Raise the MTU of the narrow link, or lower that of both ends.";
      check.command = fmt::format("faultline test mtu {} {}", from.name, to.name);
      check.explains = kMtuLow;
      check.weight = 50;
    }
    checks.push_back(std::move(check));
  }
}

// What is measured with large packets dies, and with small ones does not.
void look_at_large_flows(const Pair& pair, Checks& checks) {
  for (const auto& side : {pair.side_a(), pair.side_b()}) {
    if (side.session == nullptr || !is_partly_dead(*side.session)) continue;
    std::uint16_t size = 0;
    std::vector<std::string> evidence;
    for (const auto& flow : side.session->flows) {
      if (flow.size >= kLargeSize) size = flow.size;
      evidence.push_back(fmt::format(
          "{} to {}, port {}, {}: {} packets sent, {} lost", side.self.name, side.other.name,
          flow.source_port,
          flow.size == 0 ? std::string("small packets") : fmt::format("{} bytes", flow.size),
          flow.now.sent, flow.now.lost()));
    }
    checks.push_back(
        {.layer = Layer::kMtu,
         .level = Level::kFail,
         .code = "mtu_black_hole",
         .summary = fmt::format("packets of {} bytes between {} and {} vanish, and small ones pass",
                                size, side.self.name, side.other.name),
         .nodes = {pair.in.a.name, pair.in.b.name},
         .evidence = evidence,
         .remedy = "Something on the way carries less and does not say so: raise its MTU, or let "
                   "ICMP 'fragmentation needed' pass.",
         .command =
             fmt::format("faultline-probe test mtu {}",
                         side.other.address ? side.other.address->to_string() : side.other.name),
         .run_on = side.self.name,
         .explains = kMtuLow | kLossy,
         .weight = 43});
    return;
  }
}

}  // namespace

void look_at_mtu(const Pair& pair, Checks& checks) {
  look_at_tried(pair, checks);
  if (pair.has(kMtuLow)) look_at_large_flows(pair, checks);
  const auto a = send_size(pair.side_a());
  const auto b = send_size(pair.side_b());
  if (!a || !b) {
    checks.push_back({.layer = Layer::kMtu,
                      .level = Level::kUnknown,
                      .code = "mtu_unknown",
                      .summary = "the MTU of both ends is not known",
                      .remedy = "A test of sizes shows it.",
                      .command = fmt::format("tracepath -n {}", pair.in.b.address
                                                                    ? pair.in.b.address->to_string()
                                                                    : pair.in.b.name),
                      .run_on = pair.in.a.name});
    return;
  }
  const auto evidence = {fmt::format("{}: {} has MTU {}", pair.in.a.name, a->interface, a->mtu),
                         fmt::format("{}: {} has MTU {}", pair.in.b.name, b->interface, b->mtu)};
  if (a->mtu == b->mtu) {
    checks.push_back({.layer = Layer::kMtu,
                      .level = Level::kOk,
                      .code = "mtu_equal",
                      .summary = fmt::format("both ends send packets of up to {} bytes", a->mtu),
                      .evidence = evidence});
    return;
  }
  const bool a_is_low = a->mtu < b->mtu;
  const auto& low = a_is_low ? pair.in.a : pair.in.b;
  checks.push_back({.layer = Layer::kMtu,
                    .level = level_of(pair, kMtuLow),
                    .code = "mtu_differs",
                    .summary = fmt::format("{} sends packets of up to {} bytes, {} of up to {}",
                                           pair.in.a.name, a->mtu, pair.in.b.name, b->mtu),
                    .nodes = {low.name},
                    .evidence = evidence,
                    .remedy = fmt::format("Give both the same, unless {} is meant to have less (a "
                                          "tunnel).",
                                          low.name),
                    .command = fmt::format("ip link set {} mtu {}", (a_is_low ? a : b)->interface,
                                           std::max(a->mtu, b->mtu)),
                    .run_on = low.name,
                    .explains = kMtuLow,
                    .weight = 48});
}

}  // namespace faultline::diagnose
