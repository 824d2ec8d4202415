#include "common/crypto/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sodium.h>

#include "common/crypto/random.h"

namespace faultline::crypto {
namespace {

constexpr mode_t kKeyFileMode = 0600;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Text that held a secret is wiped when it goes away.
class SecretText {
 public:
  SecretText() = default;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { sodium_memzero(bytes_.data(), bytes_.size()); }

  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }
  [[nodiscard]] char* free_space() { return bytes_.data() + size_; }
  [[nodiscard]] std::size_t free_bytes() const { return bytes_.size() - size_; }
  void grow(std::size_t count) { size_ += count; }
  void append(std::string_view text) { size_ += text.copy(free_space(), free_bytes()); }

 private:
  std::array<char, kKeyFileBytesMax> bytes_{};
  std::size_t size_ = 0;
};

ErrorCode code_of(int error_number) {
  if (error_number == ENOENT) return ErrorCode::kNotFound;
  if (error_number == EACCES || error_number == EPERM) return ErrorCode::kDenied;
  if (error_number == EEXIST) return ErrorCode::kConflict;
  return ErrorCode::kUnavailable;
}

tl::unexpected<Error> fail_errno(std::string_view what, const std::filesystem::path& path) {
  const int error_number = errno;
  return fail(code_of(error_number), fmt::format("cannot {} key file {}: {}", what, path.string(),
                                                 std::generic_category().message(error_number)));
}

Status check_permissions(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail_errno("inspect", path);
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalid, fmt::format("key file {} is not a file", path.string()));
  }
  if ((info.st_mode & 077U) != 0) {
    return fail(ErrorCode::kDenied,
                fmt::format("key file {} is open to other users (mode {:04o}); run: chmod 600 {}",
                            path.string(), info.st_mode & 07777U, path.string()));
  }
  return {};
}

Status read_all(int fd, const std::filesystem::path& path, SecretText& text) {
  while (text.free_bytes() > 0) {
    const ssize_t count = ::read(fd, text.free_space(), text.free_bytes());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read", path);
    if (count == 0) return {};
    text.grow(static_cast<std::size_t>(count));
  }
  return fail(ErrorCode::kCorrupt,
              fmt::format("key file {} is longer than {} bytes", path.string(), kKeyFileBytesMax));
}

// The value of the line "<name> <64 hex>".
std::optional<std::array<std::uint8_t, kSecretKeyBytes>> find_key(std::string_view text,
                                                                  std::string_view name) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.size() != 1 + 2 * kSecretKeyBytes || line.front() != ' ') return std::nullopt;
    line.remove_prefix(1);
    std::array<std::uint8_t, kSecretKeyBytes> bytes{};
    std::size_t count = 0;
    if (sodium_hex2bin(bytes.data(), bytes.size(), line.data(), line.size(), nullptr, &count,
                       nullptr) != 0 ||
        count != bytes.size()) {
      return std::nullopt;
    }
    return bytes;
  }
  return std::nullopt;
}

Result<KeyPair> parse_key_file(std::string_view text, const std::filesystem::path& path) {
  const auto public_bytes = find_key(text, "public");
  auto secret_bytes = find_key(text, "secret");
  if (!public_bytes || !secret_bytes) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("key file {} does not hold the lines \"public <64 hex digits>\" and "
                            "\"secret <64 hex digits>\"",
                            path.string()));
  }
  const KeyPair pair{.public_key = PublicKey{*public_bytes},
                     .secret_key = SecretKey{*secret_bytes}};
  sodium_memzero(secret_bytes->data(), secret_bytes->size());
  if (public_key_of(pair.secret_key) != pair.public_key) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("key file {}: the public key does not belong to the secret one",
                            path.string()));
  }
  return pair;
}

void write_key_file(const KeyPair& pair, SecretText& text) {
  std::array<char, 2 * kSecretKeyBytes + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), pair.secret_key.bytes().data(), kSecretKeyBytes);
  text.append(
      "# Faultline key pair. Whoever has the secret line can act as this node: keep it 0600.\n");
  text.append(fmt::format("public {}\nsecret ", to_string(pair.public_key)));
  text.append(hex.data());
  text.append("\n");
  sodium_memzero(hex.data(), hex.size());
}

Status write_all(int fd, const std::filesystem::path& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("write", path);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(fd) != 0) return fail_errno("write", path);
  return {};
}

Status sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  const FileDescriptor fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail_errno("store", path);
  return {};
}

enum class Existing { kReplace, kKeep };

// kConflict where `existing` is kKeep and there is a file already.
Status write_atomically(const std::filesystem::path& path, const KeyPair& pair, Existing existing) {
  const auto temporary = std::filesystem::path{path} += fmt::format(".{:016x}.tmp", random_u64());
  SecretText text;
  write_key_file(pair, text);
  const FileDescriptor fd{
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kKeyFileMode)};
  if (!fd.valid()) return fail_errno("create", path);
  Status status = write_all(fd.get(), path, text.view());
  if (status) {
    const int moved = existing == Existing::kReplace ? ::rename(temporary.c_str(), path.c_str())
                                                     : ::link(temporary.c_str(), path.c_str());
    if (moved != 0) status = fail_errno("create", path);
  }
  if (!status || existing == Existing::kKeep) ::unlink(temporary.c_str());
  return status ? sync_folder_of(path) : status;
}

}  // namespace

Result<KeyPair> load_key_pair(const std::filesystem::path& path) {
  const FileDescriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd.valid()) return fail_errno("open", path);
  FAULTLINE_TRY_STATUS(check_permissions(fd.get(), path));
  SecretText text;
  FAULTLINE_TRY_STATUS(read_all(fd.get(), path, text));
  return parse_key_file(text.view(), path);
}

Status save_key_pair(const std::filesystem::path& path, const KeyPair& pair) {
  return write_atomically(path, pair, Existing::kReplace);
}

Result<KeyPair> load_or_create_key_pair(const std::filesystem::path& path) {
  auto loaded = load_key_pair(path);
  if (loaded || loaded.error().code != ErrorCode::kNotFound) return loaded;
  const KeyPair created = generate_key_pair();
  const Status saved = write_atomically(path, created, Existing::kKeep);
  if (saved) return created;
  if (saved.error().code == ErrorCode::kConflict) return load_key_pair(path);
  return tl::unexpected<Error>(saved.error());
}

}  // namespace faultline::crypto
