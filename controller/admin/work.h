// What long work of a command shares: progress on stderr, and that a signal ends it in good order.
// Thread safety: none; one Work at a time in a process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include "common/base/result.h"
#include "controller/cli/progress.h"

namespace faultline::admin {

class Work {
 public:
  // `what` is what is being done: "packing". Catches SIGINT, SIGTERM and SIGHUP until it dies.
  explicit Work(std::string what);
  ~Work();
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  // An Error once a signal has come: the work is to be undone.
  [[nodiscard]] Status update(std::uint64_t done, std::uint64_t all);
  void waiting(const char* text) { progress_.update(text); }
  void end() { progress_.end(); }

 private:
  const std::string what_;
  cli::Progress progress_;
};

// The effective user is the owner of `path` for as long as it lives, where root runs this: what the
// store writes must not become root's.
class ActAsOwner {
 public:
  explicit ActAsOwner(const std::filesystem::path& path);
  ~ActAsOwner();
  ActAsOwner(const ActAsOwner&) = delete;
  ActAsOwner& operator=(const ActAsOwner&) = delete;

 private:
  bool changed_ = false;
};

// "312 MiB"
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace faultline::admin
