// Small files of /proc and /sys, bounded. Thread safety: may be called on any thread; these files
// do not block on a disk.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/result.h"
#include "probe/facts/machine.h"

namespace faultline::probe_facts {

inline constexpr std::size_t kFileMax = 64 << 10;  // bytes; what is beyond is not read

// Without the line's end. An error says in a few words why not.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// The sysctls that rules ask for, those that are there; "net.ipv4.ip_forward" -> 1.
[[nodiscard]] std::map<std::string, std::int64_t> read_sysctls();

[[nodiscard]] MachineSources read_machine_sources();

}  // namespace faultline::probe_facts
