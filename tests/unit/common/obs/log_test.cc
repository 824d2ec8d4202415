#include "common/obs/log.h"

#include <algorithm>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace faultline::obs {
namespace {

// The lines of one session; complete once the session is gone, because its destructor joins.
struct Lines {
  std::vector<std::string> all;

  [[nodiscard]] LogOptions options(LogFormat format = LogFormat::kText) {
    return {.level = LogLevel::kInfo, .format = format, .sink = [this](std::string_view line) {
              all.emplace_back(line);
            }};
  }
};

}  // namespace

TEST_CASE("a text line holds time, level, area and message", "[obs]") {
  Lines lines;
  {
    const LogSession session{lines.options()};
    log_warning("ingest", "batch {} of {} is malformed", 7, "leaf1-h2");
  }
  REQUIRE(lines.all.size() == 1);
  CHECK_THAT(lines.all[0],
             Catch::Matches(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning ingest: )"
                            "batch 7 of leaf1-h2 is malformed\n"));
}

TEST_CASE("a JSON line parses, whatever the message holds", "[obs]") {
  Lines lines;
  const std::string message = "quote \" backslash \\ newline \n bell \a brace {} percent %v";
  {
    const LogSession session{lines.options(LogFormat::kJson)};
    log_error("api", "{}", message);
  }
  REQUIRE(lines.all.size() == 1);
  const auto line = nlohmann::json::parse(lines.all[0]);
  CHECK(line["level"] == "error");
  CHECK(line["area"] == "api");
  CHECK(line["message"] == message);
  CHECK(line.contains("time"));
}

TEST_CASE("a peer's text cannot forge a second line or drive a terminal", "[obs]") {
  Lines lines;
  {
    const LogSession session{lines.options()};
    log_info("ingest", "node {} said hello", "x\n2026-01-01T00:00:00Z error all is lost\x1b[2J");
  }
  REQUIRE(lines.all.size() == 1);
  CHECK(std::count(lines.all[0].begin(), lines.all[0].end(), '\n') == 1);
  CHECK(lines.all[0].find('\x1b') == std::string::npos);
}

TEST_CASE("lines below the level are not written, and their arguments not formatted", "[obs]") {
  Lines lines;
  {
    const LogSession session{lines.options()};
    CHECK_FALSE(log_enabled(LogLevel::kDebug));
    log_debug("probe", "chatter");
    log_info("probe", "news");
  }
  REQUIRE(lines.all.size() == 1);
  CHECK_THAT(lines.all[0], Catch::Contains("news"));
}

TEST_CASE("a full queue drops the oldest lines and counts them; the newest is written", "[obs]") {
  constexpr int kLines = 100;
  std::latch release{1};
  std::vector<std::string> written;
  std::uint64_t dropped = 0;
  {
    const LogSession session{{.level = LogLevel::kInfo,
                              .format = LogFormat::kText,
                              .queue_lines_max = 4,
                              .sink = [&](std::string_view line) {
                                release.wait();  // stderr that does not move
                                written.emplace_back(line);
                              }}};
    for (int i = 1; i <= kLines; ++i) log_info("flood", "line {}", i);
    dropped = log_lines_dropped();
    release.count_down();
  }
  CHECK(dropped > 0);
  CHECK(dropped + written.size() == kLines);
  CHECK_THAT(written.back(), Catch::Contains("line 100"));
}

TEST_CASE("lines of several threads arrive whole", "[obs]") {
  Lines lines;
  {
    const LogSession session{lines.options()};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 100; ++i) log_info("thread", "{} says {} end", t, i);
      });
    }
  }
  CHECK(lines.all.size() == 400);
  CHECK(std::all_of(lines.all.begin(), lines.all.end(),
                    [](const std::string& line) { return line.ends_with(" end\n"); }));
}

TEST_CASE("levels have names and names have levels", "[obs]") {
  for (const auto level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    CHECK(parse_log_level(to_string(level)) == level);
  }
  CHECK(parse_log_level("loud") == std::nullopt);
}

}  // namespace faultline::obs
