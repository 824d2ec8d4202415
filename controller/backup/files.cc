#include "controller/backup/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace faultline::backup {
namespace {

namespace fs = std::filesystem;

}  // namespace

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

tl::unexpected<Error> fail_errno(std::string_view what, const fs::path& path) {
  const int number = errno;
  const bool denied = number == EACCES || number == EPERM;
  return fail(denied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
              fmt::format("cannot {} {}: {}{}", what, path.string(),
                          std::generic_category().message(number),
                          denied ? "; run this as root or as the controller's user" : ""));
}

Result<Descriptor> open_to_read(const fs::path& path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!file.is_open()) return fail_errno("read", path);
  return file;
}

Result<Descriptor> create_private(const fs::path& path) {
  ::unlink(path.c_str());
  Descriptor file{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivateFile)};
  if (!file.is_open()) return fail_errno("create", path);
  return file;
}

Status write_all(const Descriptor& file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status sync_file(const Descriptor& file, const fs::path& path) {
  if (::fsync(file.get()) != 0) return fail_errno("sync", path);
  return {};
}

Status sync_directory(const fs::path& path) {
  const Descriptor directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory.is_open()) return fail_errno("open", path);
  return sync_file(directory, path);
}

Status make_private_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return fail_errno("make", path);
  return {};
}

Status rename_to(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("move to " + to.string(), from);
  return {};
}

Status remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return {};
  errno = error.value();
  return fail_errno("remove", path);
}

Status give_tree(const fs::path& path, uid_t user, gid_t group) {
  if (::lchown(path.c_str(), user, group) != 0) return fail_errno("change the owner of", path);
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    if (::lchown(entry.path().c_str(), user, group) != 0) {
      return fail_errno("change the owner of", entry.path());
    }
  }
  return {};
}

}  // namespace faultline::backup
