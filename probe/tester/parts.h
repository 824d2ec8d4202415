// What run.cc puts together: the kinds of runs, and what their reports share.
#pragma once

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/ondemand/order.h"
#include "probe/tester/route.h"
#include "probe/tester/run.h"

namespace faultline::tester {

using Json = nlohmann::ordered_json;

// What a run came to; its words are those of the document "faultline.test/1".
struct Judgement {
  std::string_view outcome;  // ok, fault, inconclusive
  std::string_view verdict;
  std::string summary;
};

[[nodiscard]] Result<Json> run_ping(const ondemand::TestOrder& order, const RunContext& context);
[[nodiscard]] Result<Json> run_mtu(const ondemand::TestOrder& order, const Route& route,
                                   const RunContext& context);
[[nodiscard]] Result<Json> run_capture(const ondemand::TestOrder& order, const Route& route,
                                       const RunContext& context);
[[nodiscard]] Result<Json> run_trace(const ondemand::TestOrder& order, const RunContext& context);

// Waits until `fd` is readable, `until` comes, or 100 ms have passed, so that a stop is heard.
void wait_for(int fd, Instant until);

// Says how far a test is, at most once per second.
class ProgressMeter {
 public:
  explicit ProgressMeter(const RunContext& context) : context_(context) {}
  void say(Instant now, const std::function<std::string()>& text);

 private:
  const RunContext& context_;
  std::optional<Instant> next_{};  // the first line comes after a second
};

[[nodiscard]] Json microseconds(const std::optional<Duration>& duration);
[[nodiscard]] Json address_or_null(const std::optional<IpAddress>& address);
[[nodiscard]] Json ratio_or_null(std::uint32_t part, std::uint32_t whole);

}  // namespace faultline::tester
