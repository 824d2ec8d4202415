// What changed and what is abnormal, as the API shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace faultline::api {

// One thing that changed, or several alike.
struct ChangeView {
  WallTime time{};
  std::string kind;
  std::string subject;
  std::string before;  // may be empty
  std::string after;
  std::uint32_t count = 1;
  std::vector<std::string> components;  // ids; empty: the whole fleet
};
inline constexpr std::size_t kChangesListedMax = 500;
inline constexpr Duration kChangesSpanDefault = std::chrono::hours{1};

struct ChangesView {
  WallTime since{};
  WallTime known_since{};  // the controller's start, or later: what came before is not known
  std::vector<ChangeView> changes;  // newest first
};

// What is abnormal between two nodes, or of a node towards most of its peers.
struct AnomalyView {
  std::string kind;
  std::string node;  // empty: of one pair
  std::string src;   // the worst pair
  std::string dst;
  std::string pair_class;
  std::string way;  // of losses: both, forward, return
  WallTime since{};
  std::uint32_t windows = 0;
  // Milliseconds, or share of packets for losses.
  std::optional<double> usual_ms;
  std::optional<double> now_ms;
  std::optional<double> usual_loss;
  std::optional<double> now_loss;
  double spreads = 0;
  std::vector<std::uint16_t> source_ports;
  std::uint32_t flows = 0;
  std::uint32_t flows_of = 0;
  std::uint32_t pairs = 1;
  std::uint32_t pairs_of = 1;
  std::string explained_by;  // a suspect; empty: no component explains it
  std::string text;
};

struct AnomaliesView {
  std::optional<WallTime> judged_until;  // empty: no window was yet
  std::uint64_t pairs = 0;
  std::uint64_t pairs_learned = 0;  // whose past is known well enough to judge them
  std::uint64_t flows = 0;
  std::uint64_t omitted = 0;
  std::vector<AnomalyView> anomalies;  // the worst first
};

}  // namespace faultline::api
