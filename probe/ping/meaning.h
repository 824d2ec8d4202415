// What an ICMP error says of the ping that it quotes (RFC 792, RFC 1812 section 5.2.7, RFC 4443).
#pragma once

#include <cstdint>
#include <string_view>

#include "probe/ping/series.h"

namespace faultline::ping {

struct IcmpMeaning {
  Outcome outcome = Outcome::kUnreachable;
  std::string_view words;  // "no route to the host"
};
[[nodiscard]] IcmpMeaning meaning_of_icmp(bool v4, std::uint8_t type, std::uint8_t code);

}  // namespace faultline::ping
