#include "probe/tester/run.h"

#include <poll.h>

#include <algorithm>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/tester/parts.h"

namespace faultline::tester {
namespace {

using ondemand::TestKind;

constexpr Duration kStopHeard = std::chrono::milliseconds{100};
constexpr std::string_view kSchema = "faultline.test/1";

Result<Json> run_kind(const ondemand::TestOrder& order, const Route& route,
                      const RunContext& context) {
  switch (order.kind) {
    case TestKind::kMtu:
      return run_mtu(order, route, context);
    case TestKind::kTrace:
      return run_trace(order, context);
    case TestKind::kCapture:
      return run_capture(order, route, context);
    case TestKind::kPing:
    case TestKind::kPort:
      break;
  }
  return run_ping(order, context);
}

}  // namespace

void wait_for(int fd, Instant until) {
  const auto now = async::now_instant();
  const auto wait =
      std::clamp(until <= now ? Duration::zero() : until - now, Duration::zero(), kStopHeard);
  const timespec patience{.tv_sec = 0, .tv_nsec = wait.count()};
  pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
  (void)::ppoll(&polled, 1, &patience, nullptr);
}

void ProgressMeter::say(Instant now, const std::function<std::string()>& text) {
  if (!next_) next_ = now + std::chrono::seconds{1};
  if (!context_.progress || now < *next_) return;
  next_ = now + std::chrono::seconds{1};
  context_.progress(text());
}

Json microseconds(const std::optional<Duration>& duration) {
  if (!duration) return nullptr;
  return static_cast<double>(duration->count() / 100) / 10;
}
Json address_or_null(const std::optional<IpAddress>& address) {
  return address ? Json(address->to_string()) : Json(nullptr);
}
Json ratio_or_null(std::uint32_t part, std::uint32_t whole) {
  return whole == 0 ? Json(nullptr) : Json(static_cast<double>(part) / whole);
}

Result<nlohmann::ordered_json> run_test(ondemand::TestOrder order, const RunContext& context) {
  FAULTLINE_TRY_STATUS(ondemand::validate(order));
  FAULTLINE_TRY(const auto route, route_to(order.target.address, order.source));
  order.source = route.source;
  const auto started = async::now_wall();
  const auto began = async::now_instant();
  FAULTLINE_TRY(auto found, run_kind(order, route, context));
  const auto took = std::chrono::duration<double>(async::now_instant() - began).count();
  Json report{{"schema", kSchema},
              {"kind", to_string(order.kind)},
              {"method", to_string(order.method)},
              {"source", order.source.to_string()},
              {"interface", route.interface},
              {"interface_mtu", route.mtu},
              {"target", order.target.address.to_string()},
              {"port", order.target.port == 0 ? Json(nullptr) : Json(order.target.port)},
              {"started_at", format_rfc3339(std::chrono::floor<std::chrono::seconds>(started))},
              {"took_s", static_cast<double>(static_cast<int>(took * 1000)) / 1000},
              {"stopped_early", context.stop.stop_requested()}};
  report.update(found);
  return report;
}

}  // namespace faultline::tester
