// Silences and maintenance windows: when nobody is to be told, and of what.
//
// Why it exists: who replaces a switch must not page his colleagues, and who knows of a fault must
// be able to keep the pager quiet without anybody else losing sight of it. Three rules: suppress
// alerting, never measuring; suppress opening, never resolving; what a component under maintenance
// drags along (a switch its only hosts, a hypervisor its VMs) is suppressed with it.
//
//   maintenance   what it covers is seen and stays pending; what is seen meanwhile confirms
//   nothing,
//                 so a fault that outlasts it opens once it was confirmed after its end
//   silence       what it covers opens as ever, and is told of when the silence has ended
//
// Both have a selector, an author, a comment, and an end: nothing is silent for ever. Pure. Thread
// safety: none; one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/incident/incident.h"

namespace faultline::incident {

// That are not over yet. Beyond it none is taken: whoever has so many has a program that adds them.
inline constexpr std::size_t kSilencesMax = 256;
// With those that are over, which are kept for this long; beyond the number the oldest goes.
inline constexpr std::size_t kSilencesKeptMax = 1024;
inline constexpr Duration kSilenceKept = std::chrono::hours{24 * 30};
inline constexpr Duration kSilenceLengthMax = std::chrono::hours{24 * 90};
inline constexpr std::size_t kMatchersMax = 16;
inline constexpr std::size_t kMatcherValuesMax = 64;  // of one name

enum class SilenceKind : std::uint8_t { kMaintenance, kSilence };
[[nodiscard]] std::string_view to_string(SilenceKind kind);
[[nodiscard]] std::optional<SilenceKind> parse_silence_kind(std::string_view text);
// "m-" or "s-": what its id begins with.
[[nodiscard]] std::string_view id_prefix(SilenceKind kind);

// All names must match, each by one of its values. `component` matches it, its links and cables,
// and what depends on it; `kind`, `class` and `incident` are the incident's own; `node`, `rack`,
// `zone` and any other name are labels of the component, or of the nodes at its ends.
using Selector = LabelSets;
[[nodiscard]] Status validate_selector(const Selector& selector);
[[nodiscard]] bool matches(const Selector& selector, const Suspect& suspect,
                           std::string_view incident);
// "node=h1 rack=r1,r2"
[[nodiscard]] std::string to_text(const Selector& selector);

struct Silence {
  std::string id{};  // "m-1f0c5a9b22e4", "s-1f0c5a9b22e4"
  SilenceKind kind = SilenceKind::kSilence;
  Selector selector{};
  std::string author{};
  std::string comment{};
  WallTime created_at{};
  WallTime starts_at{};
  WallTime ends_at{};                // moved forward when somebody ends it early
  std::string ended_by{};            // an operator; empty: it ran, or runs, to its end
  std::uint64_t incidents_held = 0;  // that it kept from being told

  // At any moment of [from, until].
  [[nodiscard]] bool is_active(WallTime from, WallTime until) const {
    return starts_at <= until && ends_at > from;
  }
  bool operator==(const Silence&) const = default;
};

[[nodiscard]] std::string to_json(const Silence& silence);
// Stored text is validated: what does not fit is kCorrupt.
[[nodiscard]] Result<Silence> silence_from_json(std::string_view text);

struct SilenceRequest {
  std::string id{};  // "m-" or "s-", as its kind, and more
  SilenceKind kind = SilenceKind::kSilence;
  Selector selector{};
  std::string author{};
  std::string comment{};                // required: who is woken wants to know why
  std::optional<WallTime> starts_at{};  // empty: now
  WallTime ends_at{};
};

class SilenceBook {
 public:
  // What does not fit is left out, oldest first.
  void restore(std::vector<Silence> silences);

  // kInvalid, kLimit; kConflict for an id that there is.
  Result<Silence> add(SilenceRequest request, WallTime now);
  // From now on it holds nothing. kNotFound; kConflict when it is over.
  Result<Silence> end(std::string_view id, std::string by, WallTime now);
  // Those that are over long enough; their ids.
  std::vector<std::string> forget(WallTime now);

  // The one that keeps this from being told in the window [from, until], maintenance first; null
  // when none does.
  [[nodiscard]] const Silence* find(const Suspect& suspect, std::string_view incident,
                                    WallTime from, WallTime until) const;
  // Another incident is held by it. `id` is one of them.
  const Silence& count_held(std::string_view id);

  [[nodiscard]] const std::map<std::string, Silence, std::less<>>& all() const { return silences_; }
  [[nodiscard]] std::size_t count_active(WallTime now) const;
  [[nodiscard]] std::uint64_t refused() const { return refused_; }  // kSilencesMax

 private:
  std::map<std::string, Silence, std::less<>> silences_;
  std::uint64_t refused_ = 0;
};

}  // namespace faultline::incident
