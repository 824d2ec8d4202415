#include "controller/api/export_text.h"

#include "tests/support/catch.h"

namespace faultline::api {
namespace {

constexpr WallTime kStart = wall_time_from_unix_seconds(1'795'305'600);

FlowWindow measured() {
  return {.target = NodeId{2},
          .source_port = 50'001,
          .size = 1500,
          .dscp = 46,
          .sent = 10,
          .lost_forward = 1,
          .lost_return = 2,
          .lost_undetermined = 3,
          .duplicated = 4,
          .reordered = 5,
          .late = 6,
          .rtt_min_ns = 1'234,
          .rtt_mean_ns = 20'000,
          .rtt_max_ns = 1'000'001};
}

std::string row(ExportFormat format, const FlowWindow& flow) {
  std::string text;
  ExportText(format).append(text, {kStart, std::chrono::seconds{10}, "h1", "h9", flow});
  return text;
}

TEST_CASE("a flow's window is one row, to the nanosecond", "[export]") {
  CHECK(ExportText(ExportFormat::kCsv).head(ExportRows::kWindows) ==
        "window_start,window_s,source,target,source_port,dscp,size,sent,lost_forward,lost_return,"
        "lost_undetermined,duplicated,reordered,late,rtt_min_us,rtt_mean_us,rtt_max_us\n");
  CHECK(row(ExportFormat::kCsv, measured()) ==
        "2026-11-22T00:00:00Z,10,h1,h9,50001,46,1500,10,1,2,3,4,5,6,1.234,20,1000.001\n");
  CHECK(ExportText(ExportFormat::kJsonLines).head(ExportRows::kWindows).empty());
  CHECK(row(ExportFormat::kJsonLines, measured()) ==
        R"({"window_start":"2026-11-22T00:00:00Z","window_s":10,"source":"h1","target":"h9",)"
        R"("source_port":50001,"dscp":46,"size":1500,"sent":10,"lost_forward":1,"lost_return":2,)"
        R"("lost_undetermined":3,"duplicated":4,"reordered":5,"late":6,"rtt_min_us":1.234,)"
        R"("rtt_mean_us":20,"rtt_max_us":1000.001})"
        "\n");
}

TEST_CASE("a delay of a window without an answer is no number", "[export]") {
  const FlowWindow silent{.target = NodeId{2}, .source_port = 1, .sent = 3, .lost_forward = 3};
  CHECK(row(ExportFormat::kCsv, silent).ends_with(",0,,,\n"));
  CHECK(row(ExportFormat::kJsonLines, silent)
            .ends_with(R"("rtt_min_us":null,"rtt_mean_us":null,"rtt_max_us":null})"
                       "\n"));
}

TEST_CASE("a pair's sum has quantiles, and its step for a window", "[export]") {
  const HistoryRow sum{.window_start = kStart,
                       .flows = 48,
                       .measured = {.sent = 480,
                                    .lost_forward = 1,
                                    .lost_return = 0,
                                    .lost_undetermined = 0,
                                    .rtt_min_us = 1.5,
                                    .rtt_mean_us = 2,
                                    .rtt_max_us = 9},
                       .rtt_p50_us = 2,
                       .rtt_p99_us = 8.25};
  const ExportText csv(ExportFormat::kCsv);
  std::string text = csv.head(ExportRows::kMinutes);
  csv.append(text, {std::chrono::minutes{1}, "h1", "h9", sum});
  CHECK(text ==
        "window_start,window_s,source,target,flow_windows,sent,lost_forward,lost_return,"
        "lost_undetermined,rtt_min_us,rtt_mean_us,rtt_p50_us,rtt_p99_us,rtt_max_us\n"
        "2026-11-22T00:00:00Z,60,h1,h9,48,480,1,0,0,1.5,2,2,8.25,9\n");
}

}  // namespace
}  // namespace faultline::api
