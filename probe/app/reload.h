// Reload: what a configuration that was read again (SIGHUP) changes of the running probe.
//
// Why it exists: a probe is restarted as seldom as can be, because its counters and sessions begin
// anew. What is measured with cannot change under way, though: ports, address, identity and files
// wait for the next start, and whoever edited them is told so.
//
// Pure. Thread safety: plain values.
#pragma once

#include <string_view>
#include <vector>

#include "probe/app/config.h"

namespace faultline::probe_app {

inline constexpr std::string_view kLabelsKey = "labels";
inline constexpr std::string_view kStrangersKey = "strangers";
inline constexpr std::string_view kSpoolSizeKey = "spool.size_max";
inline constexpr std::string_view kLogLevelKey = "log.level";

struct Reload {
  ProbeConfig running;                    // from now on: as before, with what takes effect at once
  std::vector<std::string_view> taken{};  // keys that do
  std::vector<std::string_view> waiting{};  // keys that differ and take a start

  [[nodiscard]] bool takes(std::string_view key) const;
};

[[nodiscard]] Reload reload(const ProbeConfig& running, const ProbeConfig& read);

}  // namespace faultline::probe_app
