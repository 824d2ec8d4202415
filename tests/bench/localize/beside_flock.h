// The localizer and Flock's algorithm on the same observations in the same process, case by case,
// with the ratio of the sums.
#pragma once

#include <cstdint>

namespace faultline::bench {

void beside_flock(std::uint32_t k, std::uint32_t faulty_links, std::uint32_t cases);

}  // namespace faultline::bench
