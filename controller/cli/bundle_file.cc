#include "controller/cli/bundle_file.h"

#include <memory>
#include <string_view>

#include <archive.h>
#include <fmt/format.h>

namespace faultline::cli {
namespace {

constexpr std::size_t kBlockBytes = 256U << 10;

struct ArchiveCleanup {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, ArchiveCleanup>;

tl::unexpected<Failure> unreadable(const std::string& path, archive* reader) {
  const char* why = archive_error_string(reader);
  return usage(
      fmt::format("cannot read the bundle {}: {}", path, why != nullptr ? why : "I/O error"));
}

Outcome<Archive> open(const std::string& path) {
  Archive reader(archive_read_new());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_read_support_format_empty(reader.get());
  // libarchive takes a null name for standard input.
  const char* name = path == "-" ? nullptr : path.c_str();
  if (archive_read_open_filename(reader.get(), name, kBlockBytes) != ARCHIVE_OK) {
    return unreadable(path, reader.get());
  }
  return reader;
}

Failure refused(const std::string& path, const Error& error) {
  return {ExitCode::kUsage, std::string{to_string(error.code)},
          fmt::format("bundle {}: {}", path, error.context)};
}

}  // namespace

Outcome<Bundle> read_bundle_file(const std::string& path,
                                 const std::function<void(const BundleProgress&)>& progress) {
  FAULTLINE_CLI_TRY(const auto reader, open(path));
  localize::BundleReader bundle;
  archive_entry* entry = nullptr;
  BundleProgress done;
  const auto header = archive_read_next_header(reader.get(), &entry);
  if (header != ARCHIVE_OK && header != ARCHIVE_EOF) return unreadable(path, reader.get());
  std::string block(kBlockBytes, '\0');
  while (header == ARCHIVE_OK) {
    const auto size = archive_read_data(reader.get(), block.data(), block.size());
    if (size < 0) return unreadable(path, reader.get());
    if (size == 0) break;
    const std::string_view piece(block.data(), static_cast<std::size_t>(size));
    const auto fed = bundle.feed(piece);
    if (!fed) return tl::unexpected(refused(path, fed.error()));
    done.bytes += piece.size();
    done.lines = bundle.lines();
    progress(done);
  }
  auto set = bundle.finish();
  if (!set) return tl::unexpected(refused(path, set.error()));
  return Bundle{std::move(*set), bundle.notes()};
}

}  // namespace faultline::cli
