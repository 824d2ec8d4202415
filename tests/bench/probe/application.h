// What most probers do: stamp packets where they are sent and read, in the application. One packet
// at a time, and the thread wakes for its answer at once: the best that this can be.
#pragma once

#include <cstdint>
#include <stop_token>
#include <vector>

namespace faultline::bench {

// Round trips to one of the far nodes without its dwell, ns, until it is told to stop.
[[nodiscard]] std::vector<std::uint64_t> measure_by_application(const std::stop_token& stop);

}  // namespace faultline::bench
