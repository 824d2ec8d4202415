// `faultline capture A B`: orders one capture from each node at once, through the controller, and
// compares what they recorded.
#pragma once

#include <cstdint>
#include <string>

#include "controller/cli/client.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

struct LiveCapture {
  std::string near{};  // nodes; the one that asks, and the one that answers
  std::string far{};
  std::uint16_t reflector_port = 862;  // of the far one
  std::uint16_t source_port = 0;       // of one flow; 0: all
  std::uint16_t seconds = 10;
  std::string folder{};  // where NODE.pcapng are written; made where it is missing
};

// The document "faultline.capture/1" with the member `files`. Blocks until both nodes have
// reported, `seconds` and a little longer. What one of them recorded is written even if the other
// one refused. Interrupted, or where one of them cannot begin, it ends both.
[[nodiscard]] Outcome<std::string> capture_live(const ApiClient& api, const LiveCapture& wanted);

}  // namespace faultline::cli
