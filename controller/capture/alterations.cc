#include "controller/capture/alterations.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace faultline::capture {
namespace {

constexpr std::array<std::string_view, 12> kFieldNames{
    "ttl",        "mac-from",  "vlan",     "dscp",        "ecn",           "address-from",
    "address-to", "fragments", "checksum", "ip-checksum", "dont-fragment", "size"};

std::string mac_text(const std::optional<MacAddress>& mac) { return mac ? to_string(*mac) : "-"; }
std::string vlan_text(const std::optional<std::uint16_t>& vlan) {
  return vlan ? fmt::format("{}", *vlan) : "untagged";
}
std::string ecn_text(std::uint8_t ecn) {
  constexpr std::array<std::string_view, 4> kWords{"not-ECT", "ECT(1)", "ECT(0)", "CE"};
  return std::string(kWords.at(ecn & 3U));
}

}  // namespace

std::string_view to_string(Field field) { return kFieldNames.at(static_cast<std::size_t>(field)); }

void AlterationBook::add(Field field, std::string before, std::string after) {
  ++counts_[{field, std::move(before), std::move(after)}];
}

void AlterationBook::add(const Sighting& left, const Sighting& arrived) {
  const auto& was = left.packet;
  const auto& is = arrived.packet;
  const auto number = [](auto value) { return fmt::format("{}", value); };
  if (was.ttl != is.ttl) add(Field::kTtl, number(was.ttl), number(is.ttl));
  if (was.mac_from && is.mac_from && was.mac_from != is.mac_from) {
    add(Field::kMacFrom, mac_text(was.mac_from), mac_text(is.mac_from));
  }
  if (was.vlan != is.vlan) add(Field::kVlan, vlan_text(was.vlan), vlan_text(is.vlan));
  if (was.dscp != is.dscp) add(Field::kDscp, number(was.dscp), number(is.dscp));
  if (was.ecn != is.ecn) add(Field::kEcn, ecn_text(was.ecn), ecn_text(is.ecn));
  if (was.from != is.from) {
    add(Field::kAddressFrom, faultline::to_string(was.from), faultline::to_string(is.from));
  }
  if (was.to != is.to) {
    add(Field::kAddressTo, faultline::to_string(was.to), faultline::to_string(is.to));
  }
  if (!was.is_fragment() && is.is_fragment()) {
    add(Field::kFragments, fmt::format("{} octets", was.size),
        fmt::format("pieces, the first of {}", is.size));
  } else if (was.size != is.size && was.is_fragment() == is.is_fragment()) {
    add(Field::kSize, number(was.size), number(is.size));
  }
  if (was.dont_fragment != is.dont_fragment) {
    add(Field::kDontFragment, was.dont_fragment ? "set" : "clear",
        is.dont_fragment ? "set" : "clear");
  }
  // What left unfinished was finished by a network card; only what arrived can be judged.
  if (is.checksum == Checksum::kBad) {
    add(Field::kChecksum, was.checksum == Checksum::kBad ? "bad" : "good", "bad");
  }
  if (is.ip_checksum_bad) {
    add(Field::kIpChecksum, was.ip_checksum_bad ? "bad" : "good", "bad");
  }
}

std::vector<Alteration> AlterationBook::rows() const {
  std::vector<Alteration> rows;
  for (const auto& [key, count] : counts_) {
    const auto& [field, before, after] = key;
    rows.push_back({.field = field, .before = before, .after = after, .count = count});
  }
  std::ranges::stable_sort(rows, [](const Alteration& a, const Alteration& b) {
    return a.field != b.field ? a.field < b.field : a.count > b.count;
  });
  std::vector<Alteration> kept;
  std::size_t of_field = 0;
  for (auto& row : rows) {
    of_field = !kept.empty() && kept.back().field == row.field ? of_field + 1 : 1;
    if (of_field < kAlterationsMax) {
      kept.push_back(std::move(row));
    } else if (of_field == kAlterationsMax) {
      kept.push_back(
          {.field = row.field, .before = "others", .after = "others", .count = row.count});
    } else {
      kept.back().count += row.count;
    }
  }
  return kept;
}

}  // namespace faultline::capture
