// Finds codes from what somebody typed: a number, a name, a family and a number, or words.
//
//   ""                 nothing: the families are what there is to see
//   "errno"            all of a family
//   "11", "-2"         that number in every family; a negative one is an errno, too, as kernels log
//   "icmp 3/4", "icmp type 3 code 4", "icmp 3 4", "icmp 3" (every code of type 3)
//   "ECONNREFUSED"     a name or another name for it, in any case
//   "no route to host" its summary
//   "refused"          words, each somewhere in the name, other names or summary; else in the rest
//                      (a single word in capitals is looked for as a name only)
//   "curl: (28) Operation ..."  a family, its number and whatever else
//   "ssh: connect to host h9 port 22: Connection refused"  a line with a name or summary in it
//
// Thread safety: pure. The answer refers to the catalogue, which must outlive it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/explain/catalogue.h"

namespace faultline::explain {

// What is typed is cut here: enough for a line of a log.
inline constexpr std::size_t kQueryBytesMax = 400;

enum class Match : std::uint8_t {
  kNone,
  kFamily,  // every code of the one family that was typed
  kExact,   // number, name or summary
  kWords,   // words that occur in it
};

struct Answer {
  Match match = Match::kNone;
  std::vector<const Code*> codes;    // in the catalogue's order
  std::vector<const Code*> nearest;  // where nothing matched: at most kNearestMax, best first
};

[[nodiscard]] Answer look_up(const Catalogue& catalogue, std::string_view query);

// Lower case, and each run of blanks and punctuation one blank: "EAI_AGAIN: -3" is "eai again -3".
[[nodiscard]] std::string normalized(std::string_view text);

}  // namespace faultline::explain
