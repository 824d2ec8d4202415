// The bundle: observations as JSON Lines, the format that schemas/bundle.md specifies.
//
// Why it exists: anyone can judge the localizer on their own data, without a controller. The caller
// opens and decompresses the file; this turns text into an ObservationSet and back.
//
// All input is untrusted: a malformed line is an Error that names the line, and sizes are bounded
// below. Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "controller/localize/observation_set.h"

namespace faultline::localize {

// Beyond any of these the bundle is refused with kLimit, naming the line.
inline constexpr std::size_t kBundleLineBytesMax = 1 << 20;
inline constexpr std::size_t kBundleIdBytesMax = 256;
inline constexpr std::size_t kBundleDevicesMax = 1'000'000;
inline constexpr std::size_t kBundleLinksMax = 4'000'000;
inline constexpr std::size_t kBundlePathHopsMax = 255;
inline constexpr std::size_t kBundleCandidatesMax = 256;
inline constexpr std::size_t kBundleObservationsMax = 20'000'000;
inline constexpr std::size_t kBundleHealthMax = 4'000'000;
inline constexpr std::size_t kBundleHopsMax = 500'000'000;             // of all different paths
inline constexpr std::uint64_t kBundlePacketsMax = 1'000'000'000'000;  // sent, in one observation
// Outside of these a candidate's weight is refused with kInvalid.
inline constexpr double kBundleWeightMin = 1e-9;
inline constexpr double kBundleWeightMax = 1e9;

// Lines of one sort.
struct BundleLines {
  std::uint64_t count = 0;
  std::uint64_t first = 0;  // from 1; 0 when there is none

  void add(std::uint64_t line) {
    if (count++ == 0) first = line;
  }
};

// What was accepted, but may not be what its writer meant: the user should hear of it.
struct BundleNotes {
  BundleLines unknown_records;         // skipped
  BundleLines other_ends;              // observations whose path does not lead from src to dst
  std::uint64_t repeated_windows = 0;  // of one flow on one route; their packets are added up
  std::string repeated_flow;           // the first of them: "h1 to h9, flow f1"
};

// Feed it chunks of any size, cut anywhere; then finish(). After an Error it takes no more.
class BundleReader {
 public:
  Status feed(std::string_view chunk);
  // Reads a last line without a newline and hands the set over.
  Result<ObservationSet> finish();

  [[nodiscard]] std::uint64_t lines() const { return line_; }
  // Complete after finish().
  [[nodiscard]] const BundleNotes& notes() const { return notes_; }

 private:
  Status read_line(std::string_view line);

  ObservationSet set_;
  std::string partial_;  // a line whose end has not arrived yet
  std::uint64_t line_ = 0;
  BundleNotes notes_;
};

// A whole bundle that is in memory already.
[[nodiscard]] Result<ObservationSet> read_bundle(std::string_view text);

// Takes one line at a time, each ending in a newline, so that the caller can stream and compress.
// False: the reader went away, no more is wanted.
using BundleLineSink = std::function<bool(std::string_view)>;

void write_bundle(const ObservationSet& set, std::string_view made_by, const BundleLineSink& write);

}  // namespace faultline::localize
