#include "probe/spool/segments.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace faultline::spool {
namespace {

namespace fs = std::filesystem;

// Below this size a segment without needed records is kept for the next ones, unless it is sealed.
constexpr std::uint64_t kActiveKeptBytes = 64 << 10;
constexpr std::string_view kSuffix = ".spool";
constexpr std::uint64_t kNumberMax = 1ULL << 62;  // counting on from it cannot wrap
constexpr std::size_t kNameBytes = 16 + kSuffix.size();

// The number of "000000000000002a.spool"; empty for other files: they are not ours.
std::optional<std::uint64_t> number_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.size() != kNameBytes || !name.ends_with(kSuffix)) return {};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 16, number, 16);
  if (error != std::errc{} || end != name.data() + 16) return {};
  if (number == 0 || number > kNumberMax) return {};
  return number;
}

// Reads until `bytes` is full. False at the end of the file or on failure, which errno tells apart.
bool read_fully(int fd, std::span<std::byte> bytes, std::uint64_t offset) {
  errno = 0;
  while (!bytes.empty()) {
    const ::ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

bool write_fully(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ::ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return true;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<Segments>> Segments::open(const fs::path& directory,
                                                 std::uint64_t segment_bytes) {
  std::unique_ptr<Segments> segments{new Segments{directory, segment_bytes}};
  std::error_code failure;
  if (fs::create_directories(directory, failure)) {
    fs::permissions(directory, fs::perms::owner_all, failure);
  }
  if (failure) {
    return fail(ErrorCode::kDenied, fmt::format("cannot create the spool directory {}: {}",
                                                directory.string(), failure.message()));
  }
  FAULTLINE_TRY_STATUS(segments->lock());
  return segments;
}

Status Segments::lock() {
  lock_ = FileDescriptor{
      ::open((directory_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!lock_.is_open()) {
    Error error = system_error("cannot write to", errno);
    error.code = ErrorCode::kDenied;
    return tl::unexpected<Error>(error);
  }
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("the spool directory {} is in use by another faultline-probe",
                          directory_.string()));
}

Status Segments::recover(const Recovered& recovered) {
  std::set<std::uint64_t> numbers;
  std::error_code failure;
  for (fs::directory_iterator file{directory_, failure}, end; !failure && file != end;
       file.increment(failure)) {
    if (const auto number = number_of(file->path())) numbers.insert(*number);
  }
  if (failure) return tl::unexpected<Error>(system_error("cannot list", failure.value()));
  for (const std::uint64_t number : numbers) {
    FAULTLINE_TRY_STATUS(recover_segment(number, recovered));
    next_number_ = number + 1;
  }
  return {};
}

Status Segments::recover_segment(std::uint64_t number, const Recovered& recovered) {
  const FileDescriptor file{::open(path_of(number).c_str(), O_RDWR | O_CLOEXEC)};
  const ::off_t end = file.is_open() ? ::lseek(file.get(), 0, SEEK_END) : -1;
  if (end < 0) return tl::unexpected<Error>(system_error("cannot read a segment of", errno));
  const auto size = static_cast<std::uint64_t>(end);

  Segment& segment = segments_[number];
  std::array<std::byte, kRecordHeaderBytes> bytes{};
  // Payloads are not read here: one that is damaged becomes a gap record when it is to be sent.
  while (segment.bytes < UINT32_MAX && read_fully(file.get(), bytes, segment.bytes)) {
    const auto header = decode_header(bytes);
    if (!header || size - segment.bytes < kRecordHeaderBytes + header->length) break;
    ++segment.needed;
    recovered(*header, {number, static_cast<std::uint32_t>(segment.bytes)});
    segment.bytes += kRecordHeaderBytes + header->length;
  }
  bytes_ += segment.bytes;
  if (segment.bytes < size) {
    bytes_damaged_ += size - segment.bytes;
    if (::ftruncate(file.get(), static_cast<::off_t>(segment.bytes)) != 0) {
      return tl::unexpected<Error>(
          system_error("cannot cut the damaged tail of a segment of", errno));
    }
  }
  return {};
}

Status Segments::make_active() {
  if (active_ != 0 && segments_[active_].bytes < segment_bytes_) return {};
  active_ = 0;
  const std::uint64_t number = next_number_++;
  FileDescriptor file{
      ::open(path_of(number).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (!file.is_open()) return tl::unexpected<Error>(system_error("cannot write to", errno));
  // The name has to survive a crash as well as the bytes.
  const FileDescriptor parent{::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!parent.is_open() || ::fsync(parent.get()) != 0) {
    const int error = errno;
    ::unlink(path_of(number).c_str());
    return tl::unexpected<Error>(system_error("cannot sync", error));
  }
  active_file_ = std::move(file);
  active_ = number;
  segments_[active_] = {};
  return {};
}

Result<Location> Segments::append(const RecordHeader& header, std::span<const std::byte> payload) {
  FAULTLINE_TRY_STATUS(make_active());
  Segment& segment = segments_[active_];
  const Location location{active_, static_cast<std::uint32_t>(segment.bytes)};
  const auto encoded = encode(header);
  if (!write_fully(active_file_.get(), encoded, segment.bytes) ||
      !write_fully(active_file_.get(), payload, segment.bytes + encoded.size()) ||
      ::fdatasync(active_file_.get()) != 0) {
    const int error = errno;
    // Not built upon any more: after a failed sync the kernel may have dropped earlier pages too.
    static_cast<void>(::ftruncate(active_file_.get(), static_cast<::off_t>(segment.bytes)) == 0);
    active_ = 0;
    return tl::unexpected<Error>(system_error("cannot write to", error));
  }
  segment.bytes += encoded.size() + payload.size();
  bytes_ += encoded.size() + payload.size();
  ++segment.needed;
  return location;
}

Result<std::vector<std::byte>> Segments::read(const Location& location, std::uint32_t length) {
  if (reading_ != location.segment) {
    reading_ = 0;
    reading_file_ = FileDescriptor{::open(path_of(location.segment).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!reading_file_.is_open() && errno != ENOENT) {
      return tl::unexpected<Error>(system_error("cannot read", errno));
    }
    reading_ = location.segment;
  }
  std::vector<std::byte> bytes(kRecordHeaderBytes + length);
  const bool complete =
      reading_file_.is_open() && read_fully(reading_file_.get(), bytes, location.offset);
  const auto header = complete ? decode_header(bytes) : std::nullopt;
  bytes.erase(bytes.begin(), bytes.begin() + kRecordHeaderBytes);
  if (!header || header->length != length || header->payload_crc != crc32c(bytes)) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("a record in {} is damaged", path_of(location.segment).string()));
  }
  return bytes;
}

void Segments::forget(const Location& location) { --segments_.at(location.segment).needed; }

void Segments::sweep() {
  for (auto segment = segments_.begin(); segment != segments_.end();) {
    const bool kept = segment->first == active_ && segment->second.bytes < kActiveKeptBytes;
    if (segment->second.needed != 0 || kept) {
      ++segment;
      continue;
    }
    // A file that cannot be deleted is found again by the next open; its batches are duplicates.
    ::unlink(path_of(segment->first).c_str());
    bytes_ -= segment->second.bytes;
    if (segment->first == active_) active_ = 0;
    if (segment->first == reading_) reading_ = 0;
    segment = segments_.erase(segment);
  }
}

std::uint64_t Segments::seal_oldest() {
  if (segments_.empty()) return 0;
  const std::uint64_t oldest = segments_.begin()->first;
  if (oldest == active_) active_ = 0;
  return oldest;
}

fs::path Segments::path_of(std::uint64_t number) const {
  return directory_ / fmt::format("{:016x}{}", number, kSuffix);
}

Error Segments::system_error(std::string_view attempt, int error) const {
  const ErrorCode code = error == EACCES || error == EPERM || error == EROFS
                             ? ErrorCode::kDenied
                             : ErrorCode::kUnavailable;
  return {code, fmt::format("{} the spool directory {}: {}", attempt, directory_.string(),
                            std::error_code{error, std::generic_category()}.message())};
}

}  // namespace faultline::spool
