#include "common/obs/log.h"

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/common.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "common/base/check.h"

namespace faultline::obs {
namespace {

constexpr std::array<std::pair<LogLevel, std::string_view>, 4> kLevelNames{
    {{LogLevel::kDebug, "debug"},
     {LogLevel::kInfo, "info"},
     {LogLevel::kWarning, "warning"},
     {LogLevel::kError, "error"}}};

// The message is finished before it is queued, so the patterns only add time and level.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// JSON's escapes serve plain text too: one line stays one line, and a terminal is safe.
std::string escape(std::string_view text, LogFormat format) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      escaped += fmt::format("\\u{:04x}", byte);
    } else {
      if (format == LogFormat::kJson && (c == '"' || c == '\\')) escaped += '\\';
      escaped += c;
    }
  }
  return escaped;
}

std::string finish(LogFormat format, std::string_view area, std::string_view message) {
  const auto safe = escape(message, format);
  return format == LogFormat::kText ? fmt::format("{}: {}", area, safe)
                                    : fmt::format(R"("area":"{}","message":"{}")", area, safe);
}

void write_stderr(std::string_view line) {
  // Nobody is left to tell when stderr is gone.
  [[maybe_unused]] const auto written = std::fwrite(line.data(), 1, line.size(), stderr);
}

class FunctionSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_({line.data(), line.size()});
  }
  void flush_() override {}

  std::function<void(std::string_view)> write_;
};

struct Session {
  LogFormat format;
  std::shared_ptr<spdlog::async_logger> logger;
  // Destroyed first: writes what is queued and joins, so that nobody uses the logger after.
  std::shared_ptr<spdlog::details::thread_pool> pool;
};

// The one global of the project: loggers are named, not passed (STYLE: named loggers).
std::atomic<Session*> current_session{nullptr};
std::atomic<LogLevel> current_level{LogLevel::kInfo};

std::unique_ptr<Session> start(LogOptions options) {
  auto sink = std::make_shared<FunctionSink>(options.sink ? std::move(options.sink) : write_stderr);
  sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      options.format == LogFormat::kText ? kTextPattern : kJsonPattern,
      spdlog::pattern_time_type::utc));
  auto pool = std::make_shared<spdlog::details::thread_pool>(
      options.queue_lines_max, 1, [] { ::pthread_setname_np(::pthread_self(), "log"); });
  auto logger = std::make_shared<spdlog::async_logger>(
      "faultline", std::move(sink), pool, spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(spdlog::level::trace);  // log_enabled() has decided already
  return std::make_unique<Session>(Session{options.format, std::move(logger), std::move(pool)});
}

}  // namespace

std::string_view to_string(LogLevel level) {
  for (const auto& [known, name] : kLevelNames) {
    if (known == level) return name;
  }
  return "unknown";
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (const auto& [level, name] : kLevelNames) {
    if (name == text) return level;
  }
  return std::nullopt;
}

LogSession::LogSession(LogOptions options) {
  FAULTLINE_CHECK(current_session.load() == nullptr, "one log session at a time");
  current_level = options.level;
  current_session = start(std::move(options)).release();
}

LogSession::~LogSession() { std::unique_ptr<Session>{current_session.exchange(nullptr)}.reset(); }

void set_log_level(LogLevel level) { current_level = level; }

std::uint64_t log_lines_dropped() {
  const Session* session = current_session.load();
  return session == nullptr ? 0 : session->pool->overrun_counter();
}

bool log_enabled(LogLevel level) { return level >= current_level.load(std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view area, std::string_view message) {
  if (!log_enabled(level)) return;
  if (const Session* session = current_session.load()) {
    const auto line = finish(session->format, area, message);
    session->logger->log(spdlog_level(level), spdlog::string_view_t{line.data(), line.size()});
  } else {
    const auto line = finish(LogFormat::kText, area, message);
    write_stderr(fmt::format("{} {}\n", to_string(level), line));
  }
}

}  // namespace faultline::obs
