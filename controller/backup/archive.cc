#include "controller/backup/archive.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "common/crypto/digest.h"

namespace faultline::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = 1U << 20;
constexpr const char* kManifestName = "manifest.json";
constexpr const char* kDigestName = "manifest.sha256";

struct WriteCleanup {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
struct ReadCleanup {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
struct EntryCleanup {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string why(archive* handle) {
  const char* text = archive_error_string(handle);
  return text != nullptr ? text : "I/O error";
}

std::string digest_of(std::string_view text) {
  crypto::Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return crypto::to_hex(hash.finish());
}

// Reads a file in pieces.
Status read_pieces(const fs::path& path, const std::function<Status(std::string_view)>& take) {
  FAULTLINE_TRY(const auto file, open_to_read(path));
  std::string block(kBlockBytes, '\0');
  for (;;) {
    const auto size = ::read(file.get(), block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno("read", path);
    if (size == 0) return {};
    FAULTLINE_TRY_STATUS(take(std::string_view(block.data(), static_cast<std::size_t>(size))));
  }
}

class Writer {
 public:
  Writer(const fs::path& name, WallTime time)
      : name_(name), time_(time), archive_(archive_write_new()) {}

  Status open(const Descriptor& out) {
    archive_write_set_format_pax_restricted(archive_.get());
    if (archive_write_add_filter_zstd(archive_.get()) != ARCHIVE_OK ||
        archive_write_open_fd(archive_.get(), out.get()) != ARCHIVE_OK) {
      return failed();
    }
    return {};
  }
  Status begin(const std::string& path, std::uint64_t size) {
    const std::unique_ptr<archive_entry, EntryCleanup> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), kPrivateFile);
    archive_entry_set_mtime(entry.get(), unix_seconds(time_), 0);
    return archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK ? Status() : failed();
  }
  Status write(std::string_view bytes) {
    const auto written = archive_write_data(archive_.get(), bytes.data(), bytes.size());
    return written == static_cast<la_ssize_t>(bytes.size()) ? Status() : failed();
  }
  Status add(const std::string& path, std::string_view content) {
    FAULTLINE_TRY_STATUS(begin(path, content.size()));
    return write(content);
  }
  Status close() { return archive_write_close(archive_.get()) == ARCHIVE_OK ? Status() : failed(); }

 private:
  [[nodiscard]] Status failed() const {
    return fail(ErrorCode::kUnavailable,
                fmt::format("cannot write {}: {}", name_.string(), why(archive_.get())));
  }

  const fs::path& name_;
  const WallTime time_;
  std::unique_ptr<archive, WriteCleanup> archive_;
};

class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file), archive_(archive_read_new()) {}

  Status open() {
    archive_read_support_filter_zstd(archive_.get());
    archive_read_support_format_tar(archive_.get());
    FAULTLINE_TRY(descriptor_, open_to_read(file_));
    if (archive_read_open_fd(archive_.get(), descriptor_.get(), kBlockBytes) != ARCHIVE_OK) {
      return unreadable();
    }
    return {};
  }
  // The next entry, which must be a regular file; empty: there is none.
  Result<std::string> next() {
    archive_entry* entry = nullptr;
    const int header = archive_read_next_header(archive_.get(), &entry);
    if (header == ARCHIVE_EOF) return std::string();
    if (header != ARCHIVE_OK) return tl::unexpected<Error>(unreadable().error());
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != nullptr) {
      return refuse("an entry in it is not a plain file");
    }
    return std::string(name);
  }
  Status read(const std::function<Status(std::string_view)>& take) {
    block_.resize(kBlockBytes);
    for (;;) {
      const auto size = archive_read_data(archive_.get(), block_.data(), block_.size());
      if (size < 0) return unreadable();
      if (size == 0) return {};
      FAULTLINE_TRY_STATUS(take(std::string_view(block_.data(), static_cast<std::size_t>(size))));
    }
  }
  Result<std::string> read_small(std::size_t bytes_max) {
    std::string text;
    const auto take = [&](std::string_view piece) -> Status {
      if (text.size() + piece.size() > bytes_max) return refuse("its manifest is too large");
      text += piece;
      return {};
    };
    FAULTLINE_TRY_STATUS(read(take));
    return text;
  }
  [[nodiscard]] tl::unexpected<Error> refuse(std::string_view reason,
                                             ErrorCode code = ErrorCode::kInvalid) const {
    return fail(code, fmt::format("cannot use {}: {}", file_.string(), reason));
  }
  [[nodiscard]] Error with_name(const Error& error) const {
    return {error.code, fmt::format("cannot use {}: {}", file_.string(), error.context)};
  }

 private:
  [[nodiscard]] Status unreadable() const {
    return refuse(fmt::format("it is damaged, incomplete or no backup ({})", why(archive_.get())),
                  ErrorCode::kCorrupt);
  }

  const fs::path& file_;
  Descriptor descriptor_;
  std::unique_ptr<archive, ReadCleanup> archive_;
  std::string block_;
};

template <typename Function, typename... Arguments>
Status call(const Function& function, Arguments&&... arguments) {
  return function ? function(std::forward<Arguments>(arguments)...) : Status();
}

Status read_file(Reader& reader, const FileEntry& file, const FileTaker& taker,
                 const std::function<Status(std::size_t)>& count) {
  FAULTLINE_TRY_STATUS(call(taker.begin_file, file));
  crypto::Sha256 hash;
  std::uint64_t size = 0;
  const auto take = [&](std::string_view piece) -> Status {
    size += piece.size();
    if (size > file.size) return reader.refuse(file.path + " in it is longer than it should be");
    hash.update(std::as_bytes(std::span(piece)));
    FAULTLINE_TRY_STATUS(call(taker.take, piece));
    return count(piece.size());
  };
  FAULTLINE_TRY_STATUS(reader.read(take));
  if (size != file.size || crypto::to_hex(hash.finish()) != file.sha256) {
    return reader.refuse(file.path + " in it is damaged: its checksum does not match",
                         ErrorCode::kCorrupt);
  }
  return call(taker.end_file);
}

}  // namespace

Result<FileEntry> describe_file(const fs::path& file, std::string path,
                                const std::function<Status(std::uint64_t)>& read) {
  FileEntry entry{.path = std::move(path), .size = 0, .sha256 = {}};
  crypto::Sha256 hash;
  FAULTLINE_TRY_STATUS(read_pieces(file, [&](std::string_view piece) {
    hash.update(std::as_bytes(std::span(piece)));
    entry.size += piece.size();
    return read(piece.size());
  }));
  entry.sha256 = crypto::to_hex(hash.finish());
  return entry;
}

Status write_archive(const Descriptor& out, const fs::path& name, const Manifest& manifest,
                     const Locate& locate, const Progress& progress) {
  Writer writer(name, manifest.created_at);
  FAULTLINE_TRY_STATUS(writer.open(out));
  const auto text = to_json(manifest);
  FAULTLINE_TRY_STATUS(writer.add(kManifestName, text));
  std::uint64_t done = 0;
  const auto all = manifest.bytes();
  for (const auto& file : manifest.files) {
    FAULTLINE_TRY_STATUS(writer.begin(file.path, file.size));
    crypto::Sha256 hash;
    const auto copy = [&](std::string_view piece) -> Status {
      hash.update(std::as_bytes(std::span(piece)));
      FAULTLINE_TRY_STATUS(writer.write(piece));
      done += piece.size();
      return progress(done, all);
    };
    FAULTLINE_TRY_STATUS(read_pieces(locate(file.path), copy));
    if (crypto::to_hex(hash.finish()) != file.sha256) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{} changed while it was read: run the backup again", file.path));
    }
  }
  FAULTLINE_TRY_STATUS(writer.add(kDigestName, digest_of(text)));
  return writer.close();
}

Result<Manifest> read_archive(const fs::path& file, const FileTaker& taker,
                              const Progress& progress) {
  Reader reader(file);
  FAULTLINE_TRY_STATUS(reader.open());
  FAULTLINE_TRY(const auto first, reader.next());
  if (first != kManifestName) {
    return reader.refuse("it is not a backup of faultline-controller: it begins with no manifest");
  }
  FAULTLINE_TRY(const auto text, reader.read_small(kManifestBytesMax));
  auto manifest = manifest_from_json(text);
  if (!manifest) return tl::unexpected<Error>(reader.with_name(manifest.error()));
  FAULTLINE_TRY_STATUS(call(taker.begin, *manifest));
  std::uint64_t done = 0;
  const auto count = [&, all = manifest->bytes()](std::size_t bytes) {
    done += bytes;
    return progress(done, all);
  };
  for (const auto& wanted : manifest->files) {
    FAULTLINE_TRY(const auto name, reader.next());
    if (name.empty()) return reader.refuse(wanted.path + " is missing in it", ErrorCode::kCorrupt);
    if (name != wanted.path) return reader.refuse("a file in it is not in its manifest");
    FAULTLINE_TRY_STATUS(read_file(reader, wanted, taker, count));
  }
  FAULTLINE_TRY(const auto last, reader.next());
  if (last != kDigestName) return reader.refuse("its end is missing", ErrorCode::kCorrupt);
  FAULTLINE_TRY(const auto digest, reader.read_small(kBlockBytes));
  if (digest != digest_of(text)) {
    return reader.refuse("its manifest is damaged: the checksum does not match",
                         ErrorCode::kCorrupt);
  }
  FAULTLINE_TRY(const auto more, reader.next());
  if (!more.empty()) return reader.refuse("a file in it is not in its manifest");
  return manifest;
}

}  // namespace faultline::backup
