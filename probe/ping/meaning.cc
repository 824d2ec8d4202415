#include "probe/ping/meaning.h"

#include <algorithm>
#include <array>

namespace faultline::ping {
namespace {

struct Row {
  std::uint8_t type;
  std::uint8_t code;
  IcmpMeaning meaning;
};

using enum Outcome;

constexpr std::array kV4{
    Row{3, 0, {kUnreachable, "no route to its network"}},
    Row{3, 1, {kUnreachable, "the last router cannot reach the host (no ARP answer)"}},
    Row{3, 2, {kRefused, "the host does not speak this protocol"}},
    Row{3, 3, {kRefused, "nobody listens on the port"}},
    Row{3, 4, {kTooBig, "fragmentation needed"}},
    Row{3, 6, {kUnreachable, "its network is unknown"}},
    Row{3, 7, {kUnreachable, "the host is unknown"}},
    Row{3, 9, {kFiltered, "its network is administratively prohibited"}},
    Row{3, 10, {kFiltered, "the host is administratively prohibited"}},
    Row{3, 13, {kFiltered, "administratively prohibited"}},
    Row{11, 0, {kLoop, "its TTL ran out on the way"}},
};
constexpr std::array kV6{
    Row{1, 0, {kUnreachable, "no route to it"}},
    Row{1, 1, {kFiltered, "administratively prohibited"}},
    Row{1, 2, {kUnreachable, "beyond the scope of the source address"}},
    Row{1, 3, {kUnreachable, "the last router cannot reach the host (no neighbor answer)"}},
    Row{1, 4, {kRefused, "nobody listens on the port"}},
    Row{1, 5, {kFiltered, "the source address failed a policy"}},
    Row{1, 6, {kUnreachable, "a reject route"}},
    Row{2, 0, {kTooBig, "packet too big"}},
    Row{3, 0, {kLoop, "its hop limit ran out on the way"}},
};

template <std::size_t N>
IcmpMeaning find(const std::array<Row, N>& rows, std::uint8_t type, std::uint8_t code) {
  const auto found = std::ranges::find_if(
      rows, [&](const Row& row) { return row.type == type && row.code == code; });
  if (found != rows.end()) return found->meaning;
  return {kUnreachable, "an ICMP error of another kind"};
}

}  // namespace

IcmpMeaning meaning_of_icmp(bool v4, std::uint8_t type, std::uint8_t code) {
  return v4 ? find(kV4, type, code) : find(kV6, type, code);
}

}  // namespace faultline::ping
