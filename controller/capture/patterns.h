// What missing packets have in common that arriving ones have not: a size, a source port, a class.
//
// Why it exists: "a third is lost" and "everything above 1400 octets is lost" are different faults.
// A pattern is told only where it explains every loss and nothing else, with at least
// kPatternPacketsMin packets on either side. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace faultline::capture {

inline constexpr std::uint32_t kPatternPacketsMin = 3;

// One packet that left.
struct Fate {
  std::uint16_t size = 0;
  std::uint16_t source_port = 0;
  std::uint8_t dscp = 0;
  bool arrived = false;
};

enum class PatternKind : std::uint8_t { kSize = 0, kPorts = 1, kDscp = 2 };
[[nodiscard]] std::string_view to_string(PatternKind kind);

struct Pattern {
  PatternKind kind = PatternKind::kSize;
  // Sizes: the smallest that vanish; the largest that arrives is `arrives_max`. Ports and classes:
  // those that vanish, ascending.
  std::vector<std::uint16_t> lost{};
  std::uint16_t arrives_max = 0;

  bool operator==(const Pattern&) const = default;
};

[[nodiscard]] std::vector<Pattern> patterns(const std::vector<Fate>& fates);

}  // namespace faultline::capture
