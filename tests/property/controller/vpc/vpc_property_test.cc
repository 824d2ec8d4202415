// What must hold of reachability whatever the rules are.
#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "common/base/random.h"
#include "controller/vpc/reach_filters.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/vpc/cases.h"

namespace faultline::vpc::tests {
namespace {

constexpr std::uint64_t kSeeds = 40;
constexpr std::array<std::uint16_t, 4> kPorts{22, 443, 5432, 8080};

using Talk = std::tuple<std::string, std::string, std::uint16_t>;

Model model_of(const char* world) {
  auto import = import_files(load_world(world));
  REQUIRE(import);
  return std::move(import->model);
}

// All pairs of interfaces, and the outside.
std::set<Talk> reachable(const Model& model) {
  std::vector<std::string> parties{"203.0.113.7", "192.168.10.5"};
  for (const auto& entry : model.interfaces) parties.push_back(entry.first);
  std::set<Talk> result;
  for (const auto& from : parties) {
    for (const auto& to : parties) {
      for (const auto port : kPorts) {
        const auto answer = reach(model, {.from = from, .to = to, .port = port});
        if (answer && answer->verdict == Verdict::kAllowed) result.insert({from, to, port});
      }
    }
  }
  return result;
}

// A random element of the table.
template <typename T>
T& pick(ById<T>& table, Rng& rng) {
  return std::next(table.begin(), static_cast<std::ptrdiff_t>(uniform_below(rng, table.size())))
      ->second;
}

template <typename T>
void remove_one(std::vector<T>& rules, Rng& rng) {
  if (rules.empty()) return;
  rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(uniform_below(rng, rules.size())));
}

// Takes away something that admits, or adds something that denies.
void restrict_somewhere(Model& model, Rng& rng) {
  const bool inbound = uniform_below(rng, 2) == 0;
  if (uniform_below(rng, 2) == 0) {
    auto& group = pick(model.groups, rng);
    return remove_one(inbound ? group.inbound : group.outbound, rng);
  }
  auto& list = pick(model.access_lists, rng);
  auto& entries = inbound ? list.inbound : list.outbound;
  if (uniform_below(rng, 2) == 0) {
    const auto denies = [](const AccessEntry& entry) { return !entry.allow; };
    std::vector<AccessEntry> allows;
    std::ranges::remove_copy_if(entries, std::back_inserter(allows), denies);
    if (allows.empty()) return;
    std::erase(entries, allows[uniform_below(rng, allows.size())]);
    return;
  }
  const auto first = static_cast<std::uint16_t>(uniform_below(rng, 65'536));
  entries.insert(entries.begin(), {.number = 1,
                                   .match = {.protocol = kTcp, .ports = {first, 65'535}},
                                   .prefix = *Prefix::parse("10.0.0.0/9")});
}

void open_all_filters(Model& model) {
  const GroupRule any{.prefix = Prefix{}};
  for (auto& [id, group] : model.groups) group.inbound = group.outbound = {any};
  const AccessEntry allow{.number = 1, .allow = true};
  for (auto& [id, list] : model.access_lists) list.inbound = list.outbound = {allow};
}

AccessEntry random_entry(Rng& rng, int number) {
  const auto a = static_cast<std::uint16_t>(uniform_below(rng, 300));
  const auto b = static_cast<std::uint16_t>(a + uniform_below(rng, 200));
  const std::array protocols{kTcp, kUdp, kAnyProtocol};
  const std::array prefixes{"10.0.0.0/8", "10.0.0.0/24", "0.0.0.0/0", "192.168.0.0/16"};
  return {.number = number,
          .allow = uniform_below(rng, 2) == 0,
          .match = {.protocol = protocols[uniform_below(rng, protocols.size())], .ports = {a, b}},
          .prefix = *Prefix::parse(prefixes[uniform_below(rng, prefixes.size())])};
}

// One port at a time, as the user guide tells it.
bool naive_admits(const std::vector<AccessEntry>& entries, const Packet& packet, int port) {
  for (const auto& entry : entries) {
    if (!entry.prefix.contains(packet.source)) continue;
    if (entry.match.protocol == kAnyProtocol) return entry.allow;
    if (entry.match.protocol != packet.protocol) continue;
    if (port >= entry.match.ports.first && port <= entry.match.ports.last) return entry.allow;
  }
  return false;
}

}  // namespace

TEST_CASE("whoever takes an admitting rule away makes nobody reachable", "[vpc][property]") {
  for (const auto* world : {"office", "peers", "hub"}) {
    const auto original = model_of(world);
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      CAPTURE(world, seed);
      Rng rng(seed);
      auto model = original;
      auto before = reachable(model);
      for (int change = 0; change < 4; ++change) {
        restrict_somewhere(model, rng);
        const auto after = reachable(model);
        REQUIRE(std::ranges::includes(before, after));
        before = after;
      }
    }
  }
}

TEST_CASE("with open filters and no translation, who reaches is reached", "[vpc][property]") {
  auto model = model_of("peers");
  open_all_filters(model);
  const auto all = reachable(model);
  CHECK(all.size() >= 20);
  for (const auto& [from, to, port] : all) {
    if (from.starts_with("eni-") && to.starts_with("eni-")) {
      INFO(from << " " << to);
      CHECK(all.contains({to, from, port}));
    }
  }
}

TEST_CASE("files in any order give the same model", "[vpc][property]") {
  for (const auto* world : {"office", "peers", "hub"}) {
    auto files = load_world(world);
    const auto first = import_files(files);
    REQUIRE(first);
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      CAPTURE(world, seed);
      Rng rng(seed);
      std::shuffle(files.begin(), files.end(), rng);
      CHECK(import_files(files) == first);
    }
  }
}

TEST_CASE("a network ACL rules over ranges as over each port alone", "[vpc][property]") {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Model model;
    auto& list = model.access_lists["acl"];
    list.subnets = {"subnet"};
    const auto size = static_cast<int>(uniform_below(rng, 8));
    for (int number = 1; number <= size; ++number)
      list.inbound.push_back(random_entry(rng, number));
    const auto first = static_cast<std::uint16_t>(uniform_below(rng, 400));
    const PortRange ports{first, static_cast<std::uint16_t>(first + uniform_below(rng, 100))};
    const Packet packet{.source = *IpAddress::parse("10.0.0.7"), .destination_ports = ports};
    int admitted = 0;
    for (int port = ports.first; port <= ports.last; ++port) {
      admitted += naive_admits(list.inbound, packet, port) ? 1 : 0;
    }
    const auto all = ports.last - ports.first + 1;
    auto expected = admitted == 0 ? Ruling::Kind::kRefused : Ruling::Kind::kPartly;
    if (admitted == all) expected = Ruling::Kind::kAdmitted;
    CHECK(ask_list(model, "subnet", Side::kInbound, packet).kind == expected);
  }
}

}  // namespace faultline::vpc::tests
