#include "controller/admin/work.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::admin {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

// A handler can reach nothing else.
volatile sig_atomic_t signal_seen = 0;

void on_signal(int signal) { signal_seen = signal; }

}  // namespace

Work::Work(std::string what) : what_(std::move(what)) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

Work::~Work() {
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
}

Status Work::update(std::uint64_t done, std::uint64_t all) {
  if (signal_seen != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("stopped by signal {}; nothing was changed", int{signal_seen}));
  }
  progress_.update(fmt::format("{}: {} of {}", what_, size_text(done), size_text(all)));
  return {};
}

ActAsOwner::ActAsOwner(const std::filesystem::path& path) {
  struct stat info {};
  if (::geteuid() != 0 || ::stat(path.c_str(), &info) != 0 || info.st_uid == 0) return;
  changed_ = ::setegid(info.st_gid) == 0 && ::seteuid(info.st_uid) == 0;
}

ActAsOwner::~ActAsOwner() {
  if (!changed_) return;
  FAULTLINE_CHECK(::seteuid(0) == 0 && ::setegid(0) == 0, "cannot become root again");
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kKiB = 1024;
  if (bytes < kKiB * kKiB) return fmt::format("{} KiB", (bytes + kKiB - 1) / kKiB);
  return fmt::format("{} MiB", bytes / (kKiB * kKiB));
}

}  // namespace faultline::admin
