#include "controller/changes/path_difference.h"

#include <algorithm>

#include <fmt/format.h>

namespace faultline::changes {
namespace {

constexpr std::string_view kSilent = "*";

// Where the stretch that differs begins and ends, both ends included.
struct Stretch {
  std::size_t first = 0;
  std::size_t last = 0;
};

std::string words(const Route& route, Stretch stretch) {
  if (route.devices.empty()) return {};
  return fmt::format("{}",
                     fmt::join(route.devices.begin() + std::ptrdiff_t(stretch.first),
                               route.devices.begin() + std::ptrdiff_t(stretch.last) + 1, " > "));
}

void add_stretch(const Route& route, const Route& other, Stretch stretch,
                 std::vector<Component>& components) {
  const auto is_only_here = [](const std::string& id, std::span<const std::string> ids) {
    return std::ranges::find(ids, id) == ids.end();
  };
  for (std::size_t i = stretch.first; i < stretch.last && i < route.links.size(); ++i) {
    const auto& from = route.devices[i];
    const auto& to = route.devices[i + 1];
    if (from == kSilent || to == kSilent) continue;
    if (is_only_here(route.links[i], other.links)) components.push_back({route.links[i], from, to});
  }
  for (std::size_t i = stretch.first; i <= stretch.last && i < route.devices.size(); ++i) {
    const auto& device = route.devices[i];
    if (device != kSilent && is_only_here(device, other.devices)) {
      components.push_back({device, {}, {}});
    }
  }
}

}  // namespace

PathDifference difference(const Route& before, const Route& after) {
  const auto is_same = [](const Route& left, const Route& right) {
    return std::ranges::equal(left.devices, right.devices) &&
           std::ranges::equal(left.links, right.links);
  };
  PathDifference found;
  if (is_same(before, after) || before.devices.empty() || after.devices.empty()) return found;
  const auto shorter = std::min(before.devices.size(), after.devices.size());
  // Devices in common at the head, by the links to them: parallel cables are different ways.
  std::size_t head = 0;
  while (head + 1 < shorter && before.devices[head + 1] == after.devices[head + 1] &&
         before.links[head] == after.links[head]) {
    ++head;
  }
  std::size_t tail = 0;
  while (head + tail + 1 < shorter &&
         before.devices[before.devices.size() - tail - 1] ==
             after.devices[after.devices.size() - tail - 1] &&
         (tail == 0 ||
          before.links[before.links.size() - tail] == after.links[after.links.size() - tail])) {
    ++tail;
  }
  const auto stretch_of = [&](const Route& route) {
    const std::size_t last = route.devices.size() - std::max<std::size_t>(1, tail);
    return Stretch{head, std::max(head, last)};
  };
  found.before = words(before, stretch_of(before));
  found.after = words(after, stretch_of(after));
  add_stretch(before, after, stretch_of(before), found.components);
  add_stretch(after, before, stretch_of(after), found.components);
  return found;
}

}  // namespace faultline::changes
