#include "controller/localize/bundle_paths.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "controller/localize/bundle.h"

namespace faultline::localize {
namespace {

Result<DeviceIndex> device(ObservationSet& set, std::string_view id) {
  const DeviceIndex index = set.device(id);
  FAULTLINE_TRY_STATUS(check_limit(set.devices().size(), kBundleDevicesMax, "devices"));
  return index;
}

Status check_links(const ObservationSet& set) {
  return check_limit(set.links().size(), kBundleLinksMax, "links");
}

Status check_hops(const BundleJson& list, std::size_t min) {
  if (!list.is_array() || list.size() < min) {
    return invalid("a path must be a list of at least " + std::to_string(min) + " ids");
  }
  if (list.size() > kBundlePathHopsMax) {
    return fail(ErrorCode::kLimit,
                "a path has more than " + std::to_string(kBundlePathHopsMax) + " hops");
  }
  return {};
}

tl::unexpected<Error> loop_at(const ObservationSet& set, DeviceIndex device) {
  return invalid("a link must not lead from '" + set.at(device).id + "' to itself");
}

// Of the links that a path has just implied: an id that a record gave to a link between other
// devices would stand for two of them in the verdict.
Status check_implied(const ObservationSet& set, std::size_t links_before) {
  for (std::size_t i = links_before; i < set.links().size(); ++i) {
    const Link& implied = set.links()[i];
    const Link& known = set.at(*set.find_link(implied.id));
    if (known.from == implied.from && known.to == implied.to) continue;
    return fail(ErrorCode::kConflict, "a path implies link '" + implied.id +
                                          "', which was declared from '" + set.at(known.from).id +
                                          "' to '" + set.at(known.to).id + "'");
  }
  return {};
}

Result<PathIndex> path_of_devices(ObservationSet& set, const BundleJson& list) {
  FAULTLINE_TRY_STATUS(check_hops(list, 2));
  std::vector<DeviceIndex> hops;
  hops.reserve(list.size());
  for (const BundleJson& hop : list) {
    FAULTLINE_TRY(const std::string_view id, text(hop, "a hop"));
    FAULTLINE_TRY(const DeviceIndex index, device(set, id));
    if (index != kSilentHop && !hops.empty() && hops.back() == index) return loop_at(set, index);
    hops.push_back(index);
  }
  if (hops.front() == kSilentHop || hops.back() == kSilentHop) {
    return invalid("a path must not begin or end with a silent hop");
  }
  const std::size_t links_before = set.links().size();
  const PathIndex path = set.path(hops);
  FAULTLINE_TRY_STATUS(check_links(set));
  FAULTLINE_TRY_STATUS(check_implied(set, links_before));
  return path;
}

// A link that no record declared may be named "a>b" or "a>b#2", a step to a silent hop "a>*".
Result<LinkIndex> link_by_id(ObservationSet& set, std::string_view id) {
  if (const auto known = set.find_link(id)) return *known;
  const std::size_t arrow = id.find('>');
  const std::size_t mark = id.rfind('#');
  const std::size_t end = mark == std::string_view::npos || mark < arrow ? id.size() : mark;
  if (arrow == std::string_view::npos || arrow == 0 || arrow + 1 >= end) {
    return invalid("link '" + std::string(id) + "' is neither declared nor of the form a>b");
  }
  FAULTLINE_TRY(const DeviceIndex from, device(set, id.substr(0, arrow)));
  FAULTLINE_TRY(const DeviceIndex to, device(set, id.substr(arrow + 1, end - arrow - 1)));
  return declared_link(set, from, to, {.id = id});
}

Result<PathIndex> path_of_links(ObservationSet& set, const BundleJson& list) {
  FAULTLINE_TRY_STATUS(check_hops(list, 1));
  std::vector<LinkIndex> links;
  links.reserve(list.size());
  for (const BundleJson& hop : list) {
    FAULTLINE_TRY(const std::string_view id, text(hop, "a link"));
    FAULTLINE_TRY(const LinkIndex index, link_by_id(set, id));
    if (!links.empty() && set.at(links.back()).to != set.at(index).from) {
      return invalid("link '" + std::string(id) + "' does not begin where '" +
                     set.at(links.back()).id + "' ends");
    }
    links.push_back(index);
  }
  if (set.at(links.front()).from == kSilentHop || set.at(links.back()).to == kSilentHop) {
    return invalid("a path must not begin or end with a silent hop");
  }
  return set.path_of_links(links);
}

// Within bounds that no sum of weights leaves.
Result<double> weight(const BundleJson& entry) {
  const BundleJson* value = member(entry, "w");
  if (value == nullptr) return 1.0;
  const double number = value->is_number() ? value->get<double>() : 0;
  if (number >= kBundleWeightMin && number <= kBundleWeightMax) return number;
  return invalid("'w' must be a number from 1e-9 to 1e9");
}

Result<RouteIndex> candidates(ObservationSet& set, const BundleJson& list) {
  if (!list.is_array() || list.empty()) return invalid("'paths' must be a list of candidates");
  FAULTLINE_TRY_STATUS(check_limit(list.size(), kBundleCandidatesMax, "candidate paths"));
  std::vector<WeightedPath> paths;
  paths.reserve(list.size());
  for (const BundleJson& entry : list) {
    if (!entry.is_object()) return invalid("a candidate path must be an object");
    const BundleJson* path = member(entry, "path");
    const BundleJson* links = member(entry, "links");
    FAULTLINE_TRY(const double relative, weight(entry));
    if ((path != nullptr) == (links != nullptr)) {
      return invalid("a candidate needs exactly one of 'path' and 'links'");
    }
    FAULTLINE_TRY(const PathIndex index,
                  path != nullptr ? path_of_devices(set, *path) : path_of_links(set, *links));
    paths.push_back({relative, index});
  }
  return set.route(paths);
}

}  // namespace

Result<DeviceIndex> named_device(ObservationSet& set, std::string_view id) {
  if (id == "*") return invalid("'*' is a silent hop of a path and names no device or link end");
  return device(set, id);
}

Result<LinkIndex> declared_link(ObservationSet& set, DeviceIndex from, DeviceIndex to,
                                const ObservationSet::LinkAttributes& attributes) {
  if (from == to && from != kSilentHop) return loop_at(set, from);
  FAULTLINE_TRY(const LinkIndex link, set.link(from, to, attributes));
  FAULTLINE_TRY_STATUS(check_links(set));
  return link;
}

Result<RouteIndex> route(ObservationSet& set, const BundleJson& object, const RouteKeys& keys) {
  const BundleJson* path = member(object, keys.path);
  const BundleJson* links = member(object, keys.links);
  const BundleJson* paths = member(object, keys.paths);
  const int given = (path != nullptr) + (links != nullptr) + (paths != nullptr);
  if (given == 0) return kNoRoute;
  if (given > 1) {
    return invalid("only one of '" + std::string(keys.path) + "', '" + keys.links + "' and '" +
                   keys.paths + "' may be given");
  }
  FAULTLINE_TRY_STATUS(check_limit(set.stored_hops(), kBundleHopsMax, "hops on different paths"));
  if (paths != nullptr) return candidates(set, *paths);
  FAULTLINE_TRY(const PathIndex index,
                path != nullptr ? path_of_devices(set, *path) : path_of_links(set, *links));
  return set.route(index);
}

bool joins(const ObservationSet& set, RouteIndex route, DeviceIndex from, DeviceIndex to) {
  return std::ranges::all_of(set.at(route), [&](const WeightedPath& candidate) {
    const auto links = set.at(candidate.path);
    return set.at(links.front()).from == from && set.at(links.back()).to == to;
  });
}

}  // namespace faultline::localize
