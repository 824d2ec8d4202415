// Log lines: log_info("ingest", "batch {} of {} is malformed: {}", sequence, node, error.context).
//
// Lines go to stderr through one thread, "log", that the LogSession in main owns. A full queue
// drops the oldest line and counts it: the thread that logs never waits for a disk or a terminal.
// Without a session (tests, a failure before main has one) a line is written at once by the caller.
//
// Thread safety: every function may be called on any thread. The session itself is made and
// destroyed by main while no other thread logs. Text from peers is safe: control characters are
// escaped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace faultline::obs {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
[[nodiscard]] std::string_view to_string(LogLevel level);
// "debug", "info", "warning", "error".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

enum class LogFormat : std::uint8_t {
  kText,  // 2026-11-22T03:00:00.123Z info ingest: message
  kJson   // {"time":"...","level":"info","area":"ingest","message":"..."}
};

inline constexpr std::size_t kLogQueueLinesMax = 8192;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::size_t queue_lines_max = kLogQueueLinesMax;
  // Takes finished lines (with their newline) on the log thread; stderr where it is empty.
  std::function<void(std::string_view)> sink = {};
};

// At most one at a time. Its destructor writes what is queued and joins the thread.
class LogSession {
 public:
  explicit LogSession(LogOptions options);
  ~LogSession();
  LogSession(const LogSession&) = delete;
  LogSession& operator=(const LogSession&) = delete;
};

// From the next line on.
void set_log_level(LogLevel level);

// Lines that the full queue dropped since the session began; above zero means trouble.
[[nodiscard]] std::uint64_t log_lines_dropped();

[[nodiscard]] bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view area, std::string_view message);

template <typename... Args>
void log_debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kDebug)) {
    log_line(LogLevel::kDebug, area, fmt::format(format, std::forward<Args>(args)...));
  }
}

template <typename... Args>
void log_info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kInfo)) {
    log_line(LogLevel::kInfo, area, fmt::format(format, std::forward<Args>(args)...));
  }
}

template <typename... Args>
void log_warning(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kWarning)) {
    log_line(LogLevel::kWarning, area, fmt::format(format, std::forward<Args>(args)...));
  }
}

template <typename... Args>
void log_error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace faultline::obs
