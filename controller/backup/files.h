// Files: the system calls that backup and restore share, with one sentence when they fail.
// Every function blocks on the disk. Thread safety: none needed.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include <sys/types.h>

#include "common/base/result.h"

namespace faultline::backup {

inline constexpr mode_t kPrivateFile = 0600;

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] bool is_open() const { return value_ >= 0; }

 private:
  int value_;
};

// "cannot <what> <path>: <errno's text>"; EACCES and EPERM are kDenied and say who may.
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string_view what,
                                               const std::filesystem::path& path);

[[nodiscard]] Result<Descriptor> open_to_read(const std::filesystem::path& path);
// A new file, mode 0600; what was there is removed first and never written through.
[[nodiscard]] Result<Descriptor> create_private(const std::filesystem::path& path);
[[nodiscard]] Status write_all(const Descriptor& file, std::string_view bytes,
                               const std::filesystem::path& path);
[[nodiscard]] Status sync_file(const Descriptor& file, const std::filesystem::path& path);
[[nodiscard]] Status sync_directory(const std::filesystem::path& path);
[[nodiscard]] Status make_private_directory(const std::filesystem::path& path);
[[nodiscard]] Status rename_to(const std::filesystem::path& from, const std::filesystem::path& to);
[[nodiscard]] Status remove_tree(const std::filesystem::path& path);
[[nodiscard]] Status give_tree(const std::filesystem::path& path, uid_t user, gid_t group);

}  // namespace faultline::backup
