// Segments: the numbered files of the spool and which of them still hold something needed.
//
// Why it exists: all disk I/O of the spool in one place, without knowledge of what a record means.
// New records go to the *active* segment, which is never one found at open: what a crash left is
// read, not continued.
//
// Thread safety: none; one owner. Calls block on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "probe/spool/index.h"
#include "probe/spool/record.h"

namespace faultline::spool {

// A file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

class Segments {
 public:
  using Recovered = std::function<void(const RecordHeader&, const Location&)>;

  // Makes the directory (0700) when missing and locks it.
  [[nodiscard]] static Result<std::unique_ptr<Segments>> open(
      const std::filesystem::path& directory, std::uint64_t segment_bytes);
  // Once, before the first append: visits every record found, oldest first. Bytes behind the last
  // good record of a file are cut off.
  [[nodiscard]] Status recover(const Recovered& recovered);
  Segments(const Segments&) = delete;
  Segments& operator=(const Segments&) = delete;

  // On stable storage (fdatasync) when it returns a location. On failure the active segment is
  // given up and the record cut off; should that fail too, recovery finds a record that a later one
  // replaces.
  [[nodiscard]] Result<Location> append(const RecordHeader& header,
                                        std::span<const std::byte> payload);

  // kCorrupt when the record does not match its checksums or cannot be read from the medium,
  // kUnavailable when it cannot be read now.
  [[nodiscard]] Result<std::vector<std::byte>> read(const Location& location, std::uint32_t length);

  // A record counts as needed from append or recovery on until it is forgotten.
  void forget(const Location& location);
  // Deletes segments without needed records; the active one only when it has grown, so that a file
  // is not made anew for every batch.
  void sweep();
  // The oldest one; if it is the active one, later records go to a new one. 0: there is none.
  [[nodiscard]] std::uint64_t seal_oldest();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t count() const { return segments_.size(); }
  [[nodiscard]] std::uint64_t bytes_damaged() const { return bytes_damaged_; }

 private:
  struct Segment {
    std::uint64_t bytes = 0;
    std::uint64_t needed = 0;  // records
  };

  Segments(std::filesystem::path directory, std::uint64_t segment_bytes)
      : directory_(std::move(directory)), segment_bytes_(segment_bytes) {}
  [[nodiscard]] Status lock();
  [[nodiscard]] Status recover_segment(std::uint64_t number, const Recovered& recovered);
  [[nodiscard]] Status make_active();
  [[nodiscard]] std::filesystem::path path_of(std::uint64_t number) const;
  [[nodiscard]] Error system_error(std::string_view attempt, int error) const;

  std::filesystem::path directory_;
  std::uint64_t segment_bytes_;
  FileDescriptor lock_;
  std::map<std::uint64_t, Segment> segments_;
  std::uint64_t next_number_ = 1;
  std::uint64_t active_ = 0;  // 0: none
  FileDescriptor active_file_;
  std::uint64_t reading_ = 0;  // the segment that reading_file_ is of: reads come in order
  FileDescriptor reading_file_;
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_damaged_ = 0;
};

}  // namespace faultline::spool
