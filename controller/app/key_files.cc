#include "controller/app/key_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "common/crypto/key_file.h"
#include "common/obs/log.h"

namespace faultline::app {
namespace {

std::filesystem::path current_file(const std::filesystem::path& data_dir) {
  return data_dir / "controller.key";
}

std::filesystem::path next_file(const std::filesystem::path& data_dir) {
  return data_dir / "controller.next.key";
}

Status sync_directory(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int outcome = fd < 0 ? -1 : ::fsync(fd);
  const int error_number = errno;
  if (fd >= 0) ::close(fd);
  if (outcome == 0) return {};
  return fail(ErrorCode::kUnavailable, fmt::format("cannot sync {}: {}", path.string(),
                                                   std::generic_category().message(error_number)));
}

}  // namespace

Result<crypto::KeyPair> make_next_key(const std::filesystem::path& data_dir) {
  return crypto::load_or_create_key_pair(next_file(data_dir));
}

Result<crypto::KeyPair> promote_next_key(const std::filesystem::path& data_dir,
                                         const PublicKey& key) {
  FAULTLINE_TRY(auto next, crypto::load_key_pair(next_file(data_dir)));
  if (next.public_key != key) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{} holds the key {} instead of {}", next_file(data_dir).string(),
                            short_name(next.public_key), short_name(key)));
  }
  if (::rename(next_file(data_dir).c_str(), current_file(data_dir).c_str()) != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot replace {}: {}", current_file(data_dir).string(),
                            std::generic_category().message(errno)));
  }
  FAULTLINE_TRY_STATUS(sync_directory(data_dir));
  return next;
}

Result<crypto::KeyPair> load_own_key(const std::filesystem::path& data_dir,
                                     const std::optional<fleet::ControllerKeysRecord>& record) {
  FAULTLINE_TRY(auto current, crypto::load_or_create_key_pair(current_file(data_dir)));
  if (!record || record->current.key == current.public_key) return current;
  if (auto promoted = promote_next_key(data_dir, record->current.key)) return promoted;
  obs::log_warning("controller",
                   "{} holds the key {}, but the fleet knows this controller by {}: somebody "
                   "replaced the file; nodes that do not know its key need a new token",
                   current_file(data_dir).string(), short_name(current.public_key),
                   short_name(record->current.key));
  return current;
}

}  // namespace faultline::app
