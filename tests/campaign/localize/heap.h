// Heap use of the calling thread: what a localizer needs beside its input, measured in this
// process.
//
// Replaces the global operator new, so it belongs into the campaign's own binary only.
#pragma once

#include <cstdint>

namespace faultline::campaign {

// Starts over: the peak from here on counts from what is in use now.
void heap_peak_reset();
[[nodiscard]] std::uint64_t heap_peak_bytes();

}  // namespace faultline::campaign
