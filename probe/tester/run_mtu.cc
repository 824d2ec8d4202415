#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/mtu/tunnels.h"
#include "probe/tester/mtu_channel.h"
#include "probe/tester/parts.h"

namespace faultline::tester {
namespace {

using mtu::Verdict;

std::string name_of(const mtu::Hop& hop) {
  return fmt::format("{} (hop {})", hop.address.to_string(), hop.ttl);
}

std::string where(const mtu::Report& found) {
  if (!found.located) return "somewhere on the way (too few packets were left to say where)";
  const auto from =
      found.last_reached.ttl == 0 ? std::string("this machine") : name_of(found.last_reached);
  const auto to = found.first_missed ? name_of(*found.first_missed) : std::string("the target");
  return fmt::format("between {} and {}", from, to);
}

std::string summary(const mtu::Report& found) {
  switch (found.verdict) {
    case Verdict::kOk:
      return fmt::format("packets of {} octets arrive, which is all that the interface takes",
                         found.mtu);
    case Verdict::kLowMtu:
      return fmt::format("at most {} octets: {} says so", found.mtu,
                         found.too_big_from->to_string());
    case Verdict::kBlackHole:
      return fmt::format("packets above {} octets vanish {}, and nobody says \"packet too big\"",
                         found.mtu, where(found));
    case Verdict::kInterfaceMismatch:
      return fmt::format(
          "packets above {} octets vanish {}, on its own segment: its interface, or "
          "a switch before it, takes less than is sent to it",
          found.mtu, where(found));
    case Verdict::kLoss:
      return fmt::format(
          "packets of {} octets arrive; {} of {} small ones were lost: it is not "
          "the size",
          found.mtu, found.small_lost, found.small_sent);
    case Verdict::kUnreachable:
      return "not even small packets are answered";
    case Verdict::kInconclusive:
      break;
  }
  return fmt::format("somewhere above {} octets; too many packets were lost to say more",
                     found.mtu);
}

std::string_view outcome(Verdict verdict) {
  if (verdict == Verdict::kOk) return "ok";
  return verdict == Verdict::kInconclusive ? "inconclusive" : "fault";
}

Json hop_or_null(bool known, const mtu::Hop& hop) {
  if (!known) return nullptr;
  return {{"ttl", hop.ttl}, {"address", hop.address.to_string()}};
}

Json report(const mtu::Report& found, const MtuChannel& channel) {
  Json hops = Json::array();
  for (const auto& hop : found.hops) hops.push_back(address_or_null(hop));
  const auto arithmetic = mtu::explain(found.mtu, found.ceiling);
  const bool told = found.verdict == Verdict::kLowMtu;
  const bool forward = !channel.answers_in_full();
  return {{"means", channel.means()},
          {"outcome", outcome(found.verdict)},
          {"verdict", to_string(found.verdict)},
          {"summary", summary(found)},
          {"direction", forward ? "forward" : "both"},
          {"mtu", found.mtu == 0 ? Json(nullptr) : Json(found.mtu)},
          {"mtu_tried_max", found.ceiling},
          {"far_mtu", found.far_mtu == 0 ? Json(nullptr) : Json(found.far_mtu)},
          {"arithmetic", arithmetic.empty() ? Json(nullptr) : Json(arithmetic)},
          {"told_by", told ? address_or_null(found.too_big_from) : Json(nullptr)},
          {"told_mtu", told && found.too_big_mtu != 0 ? Json(found.too_big_mtu) : Json(nullptr)},
          {"last_reached",
           hop_or_null(found.located && found.last_reached.ttl != 0, found.last_reached)},
          {"first_missed", hop_or_null(found.located && found.first_missed.has_value(),
                                       found.first_missed.value_or(mtu::Hop{}))},
          {"hops", hops},
          {"small_sent", found.small_sent},
          {"small_lost", found.small_lost},
          {"large_sent", found.large_sent},
          {"remarks", Json::array()}};
}

}  // namespace

Result<Json> run_mtu(const ondemand::TestOrder& order, const Route& route,
                     const RunContext& context) {
  const bool stamp = order.method == ondemand::Method::kStamp;
  FAULTLINE_TRY(const auto channel, stamp ? open_stamp_mtu(order) : open_icmp_mtu(order));
  const auto room = std::min(route.mtu, ondemand::kSizeMax);
  mtu::Search search({.ceiling = order.size_max == 0 ? room : std::min(order.size_max, room),
                      .far_mtu = order.far_mtu,
                      .timeout = order.timeout,
                      .gap = std::max<Duration>(order.interval / 10, ondemand::kIntervalMin)});
  ProgressMeter meter(context);
  const auto deadline = async::now_instant() + life_of(order);
  while (!context.stop.stop_requested()) {
    const auto now = async::now_instant();
    if (now >= deadline) break;
    if (const auto packet = search.next(now)) channel->send(*packet, search);
    if (search.done()) break;
    wait_for(channel->fd(), search.next_event());
    channel->receive(search);
    meter.say(now, [&] {
      const auto so_far = search.report();
      return fmt::format("{} octets pass, {} large and {} small packets sent", so_far.mtu,
                         so_far.large_sent, so_far.small_sent);
    });
  }
  return report(search.report(), *channel);
}

}  // namespace faultline::tester
