#include "controller/topology/ways.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace faultline::topology {
namespace {

std::uint8_t bits_of(const IpAddress& address) { return address.is_v4() ? 32 : 128; }

}  // namespace

Place Place::of(const IpAddress& address, std::uint8_t bits) {
  auto bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int kept = std::clamp(static_cast<int>(bits) - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00 >> kept));
  }
  if (!address.is_v4()) return {.base = IpAddress::v6(bytes), .bits = bits};
  std::uint32_t base = 0;
  for (std::size_t i = 0; i < 4; ++i) base = base << 8 | bytes[i];
  return {.base = IpAddress::v4(base), .bits = bits};
}

std::optional<Place> Place::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return of(*address, bits_of(*address));
  std::uint8_t bits = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + slash + 1, end, bits);
  if (read.ec != std::errc{} || read.ptr != end || bits > bits_of(*address)) return std::nullopt;
  return of(*address, bits);
}

bool Place::contains(const IpAddress& address) const {
  return address.is_v4() == base.is_v4() && of(address, bits).base == base;
}

std::string Place::to_string() const {
  if (bits == bits_of(base)) return base.to_string();
  return fmt::format("{}/{}", base.to_string(), bits);
}

Ways::Ways(const std::vector<Way>& ways) {
  for (const auto& way : ways) by_from_[way.from.bits][way.from.base].push_back(way);
  for (auto& [bits, places] : by_from_) {
    for (auto& [base, list] : places) {
      std::ranges::stable_sort(list, std::greater{}, [](const Way& way) { return way.to.bits; });
    }
  }
}

const Way* Ways::between(const IpAddress& from, const IpAddress& to) const {
  for (const auto& [bits, places] : by_from_) {
    if (bits > bits_of(from)) continue;
    const auto found = places.find(Place::of(from, bits).base);
    if (found == places.end()) continue;
    for (const auto& way : found->second) {
      if (way.to.contains(to)) return &way;
    }
  }
  return nullptr;
}

}  // namespace faultline::topology
