// What became of a TCP connection attempt, from what the kernel says of it.
//
// A refusal by the target (RST) and one by a filter on the way (ICMP) end a connect() with the same
// errno: the ICMP error, where there was one, tells them apart. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "probe/ping/meaning.h"
#include "probe/ping/series.h"

namespace faultline::tcp {

struct Attempt {
  int error_number = 0;  // 0: it is connected
  std::optional<ping::IcmpMeaning> icmp{};
  bool icmp_from_target = false;
};
struct Verdict {
  ping::Outcome outcome = ping::Outcome::kAnswered;
  std::string_view words;
};
[[nodiscard]] Verdict judge(const Attempt& attempt);

}  // namespace faultline::tcp
