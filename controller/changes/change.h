// Change: one thing that is different from before, as a value with words for an engineer.
//
// Thread safety: a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"

namespace faultline::changes {

// Likeliest cause of a fault last: the order breaks ties of relevance.
enum class Kind : std::uint8_t {
  kClock,       // a node's clock stepped, or is right again
  kPlan,        // what is measured: it breaks nothing, but explains why something shows only now
  kTopology,    // the inventory was read again
  kPath,        // flows take another route
  kFacts,       // a node's own configuration
  kDscp,        // packets arrive in another class than they were sent in
  kMtu,         // of an interface or a path
  kMembership,  // joined, left, restarted, silent, removed
};
[[nodiscard]] std::string_view to_string(Kind kind);

// What can be touched. Links and cables have two ends; devices and nodes are their id alone.
struct Component {
  std::string id{};
  std::string from{};
  std::string to{};

  bool operator==(const Component&) const = default;
};

struct Change {
  WallTime time{};  // when it happened; of paths, when a trace first saw it
  Kind kind = Kind::kPath;
  std::string subject{};  // "h3", "h1>h7:20003", "the plan"
  std::string before{};   // may be empty: nothing was known
  std::string after{};
  std::uint32_t count = 1;  // how many alike this one stands for; `subject` is the first of them
  // Empty: it concerns the whole fleet.
  std::vector<Component> components{};

  bool operator==(const Change&) const = default;
};

// "h1>h7:20003 and 11 others" of twelve.
[[nodiscard]] std::string subject_text(const Change& change);

}  // namespace faultline::changes
