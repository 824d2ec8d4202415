// Check: is this machine fit to run a probe? Judges what check_command.cc has read; pure.
//
// Why it exists: most of what goes wrong at a roll-out is on the node itself (a port that is taken,
// a clock that nobody sets, a controller that a firewall hides), and is found here before it is a
// ticket. A warning is something that a probe lives with; a failure is something that it does not.
//
// Thread safety: plain values. What could not be read is absent and judged as a warning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/model/address.h"
#include "common/model/node.h"

namespace faultline::probe_app {

enum class CheckLevel : std::uint8_t { kOk, kWarn, kFail };

struct CheckLine {
  CheckLevel level = CheckLevel::kOk;
  std::string what;    // one word: "address", "ports", "clock", ...
  std::string text;    // one sentence
  std::string remedy;  // what to do; empty when it is ok

  bool operator==(const CheckLine&) const = default;
};

// A port as a trial bind found it.
struct PortSeen {
  std::string name;  // "reflector_port"
  std::uint16_t port = 0;
  bool tcp = false;
  int error = 0;  // errno; 0: free
};

struct ControllerSeen {
  std::string endpoint;
  std::string failure;  // empty: connected
  Duration took{};
};

struct ClockSeen {
  bool synchronized = false;  // by the kernel's own account (adjtimex)
  Duration error_max{};       // likewise
};

struct MachineSeen {
  NodeProfile profile{};     // of the configuration
  bool probe_runs = false;   // on this state_dir: its ports are taken, by itself
  std::string interface {};  // that has the address; empty: none has
  std::uint32_t mtu = 0;     // of it
  std::vector<PortSeen> ports{};
  bool may_echo = false;  // ICMP echo: the group is in ping_group_range, or CAP_NET_RAW
  std::optional<std::uint32_t> ephemeral_first{};  // net.ipv4.ip_local_port_range
  std::optional<std::uint32_t> ephemeral_last{};
  std::optional<std::uint64_t> receive_buffer_max{};  // net.core.rmem_max, octets
  std::optional<ClockSeen> clock{};
  std::optional<std::uint64_t> capabilities{};  // effective, of the process that looks (CapEff)
  std::vector<ControllerSeen> controllers{};    // empty: none is known
  bool joined = false;
  bool has_token = false;
  std::string state_dir{};
  std::string state_dir_failure{};  // empty: it can be written
  std::uint64_t disk_free = 0;      // octets, where the spool is
  std::uint64_t spool_size_max = 0;
};

// "CapEff:" of /proc/self/status; nothing where it has another form.
[[nodiscard]] std::optional<std::uint64_t> parse_capabilities(std::string_view status);

// In the order in which one would mend it.
[[nodiscard]] std::vector<CheckLine> check(const MachineSeen& seen);

// "[ok]", "[warn]", "[fail]"
[[nodiscard]] std::string_view mark(CheckLevel level);

}  // namespace faultline::probe_app
