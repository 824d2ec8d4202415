// Reads a bundle for offline localization: plain, gzip, xz or zstd by its magic number, from a file
// or standard input ("-"), without holding the text in memory. Thread safety: none.
#pragma once

#include <functional>
#include <string>

#include "controller/cli/failure.h"
#include "controller/localize/bundle.h"

namespace faultline::cli {

struct BundleProgress {
  std::uint64_t bytes = 0;  // of text, decompressed
  std::uint64_t lines = 0;
};

struct Bundle {
  localize::ObservationSet observations;
  localize::BundleNotes notes;
};

// A usage failure when the file cannot be read or a line is malformed (it names the line).
// `progress` is called for every piece.
[[nodiscard]] Outcome<Bundle> read_bundle_file(
    const std::string& path, const std::function<void(const BundleProgress&)>& progress);

}  // namespace faultline::cli
