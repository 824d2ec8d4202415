// FindingWatch: which findings of the rules over nodes' facts (`faultline check`) are worth an
// incident, and which of them are one.
//
// Why it exists: a wrong mask harms whether or not a packet is lost today, and an operator may want
// to be told of it like of a fault. The incident machine counts windows of measurements; facts
// change by the minute and are looked over more seldom, so that what is seen twice is decided here:
//
//   shown    once kChecksToShow checks in a row have it
//   gone     once kChecksToEnd checks in a row have it no more
//   one      what one rule finds of the same nodes, or mostly the same if it is about several; and
//   what is alike (diagnose::is_alike) on
//            several nodes and began within kJoinWithin: a template that is wrong on 200 machines
//            is one incident. It keeps the id that it began with.
//
// The machine's own counting comes after that. Pure. Thread safety: none; owned by the core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/diagnose/finding.h"
#include "controller/incident/incident.h"

namespace faultline::core {

inline constexpr std::uint32_t kChecksToShow = 2;
inline constexpr std::uint32_t kChecksToEnd = 2;
inline constexpr Duration kJoinWithin = std::chrono::minutes{15};
// Beyond it findings are not taken up, which is counted: their incidents would be noise.
inline constexpr std::size_t kFindingCasesMax = 256;
inline constexpr std::size_t kFindingEvidenceMax = 16;       // lines of an incident
inline constexpr std::size_t kFindingNamesMax = 4;           // nodes that an id names
inline constexpr std::string_view kFindingKind = "finding";  // of a suspect's component

struct CheckOptions {
  Duration every = std::chrono::minutes{1};
  std::set<std::string> codes;              // that open incidents,
  std::set<diagnose::Severity> severities;  // and all of these severities

  [[nodiscard]] bool is_enabled() const { return !codes.empty() || !severities.empty(); }
};

class FindingWatch {
 public:
  explicit FindingWatch(CheckOptions options) : options_(std::move(options)) {}

  // What a former process held for open is there until two checks say otherwise.
  void restore(const std::vector<incident::Incident>& incidents);

  // All findings of one check, made at `at`.
  void take(const std::vector<diagnose::Finding>& findings, WallTime at);

  // Of those that are shown, by id.
  [[nodiscard]] std::vector<incident::Suspect> suspects() const;
  [[nodiscard]] std::uint64_t over_limit() const { return over_limit_; }

 private:
  struct Case {
    incident::Suspect suspect{};
    diagnose::Finding first{};        // that later ones are compared with; none after a restart
    std::set<std::string> members{};  // key_of() its findings
    std::uint32_t seen = 0;           // in so many checks in a row
    std::uint32_t missing = 0;
  };
  using Found = std::vector<diagnose::Finding>;

  [[nodiscard]] bool is_wanted(const diagnose::Finding& finding) const;
  // The case that a finding belongs to; a new one where there is none. Null beyond the limit.
  Case* case_of(const diagnose::Finding& finding, WallTime at);

  CheckOptions options_;
  std::map<std::string, Case> cases_;  // by id
  std::uint64_t over_limit_ = 0;
};

}  // namespace faultline::core
