#include "common/service/vigil.h"

#include <fmt/format.h>

namespace faultline::service {

std::optional<std::string> Vigil::check(Instant now, std::span<const Part> parts) {
  std::optional<std::string> stuck;
  for (const auto& part : parts) {
    auto [at, is_new] = seen_.try_emplace(std::string(part.name), Seen{part.done, now});
    auto& seen = at->second;
    if (is_new || part.done != seen.done || !part.has_work) {
      seen = {part.done, now};
      continue;
    }
    const auto still = now - seen.moved_at;
    if (still < part.patience || stuck) continue;
    stuck = fmt::format("the {} thread has not moved for {}", part.name,
                        format_duration(std::chrono::floor<std::chrono::milliseconds>(still)));
  }
  return stuck;
}

}  // namespace faultline::service
