// The MTU search against paths of tests/unit/probe/tester/mtu_scenarios.txt, on virtual time.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "common/base/random.h"
#include "probe/mtu/search.h"
#include "probe/mtu/tunnels.h"
#include "tests/support/catch.h"
#include "tests/unit/probe/tester/scenario_file.h"

using namespace faultline;
using mtu::Verdict;

namespace {

constexpr Duration kHopDelay = std::chrono::milliseconds{1};

struct Router {
  bool silent = false, ptb = true;
  std::optional<std::uint16_t> ptb_mtu{};
  Duration icmp_gap{};
  Instant icmp_at = Instant::min();
};
struct Scenario {
  std::string name;
  std::uint16_t interface = 1500, target = 1500;
  std::vector<std::uint16_t> links{};
  std::vector<Router> routers{};
  bool far_known = false, refused = false;
  double loss = 0;
  std::string verdict{}, last = "0", missed = "target", by{};
  std::uint16_t mtu = 0;
};

Router router_of(const tests::ScenarioLine& line) {
  Router router;
  for (const auto& [name, value] : line.words) {
    std::int64_t milliseconds = 0;
    if (name == "silent") {
      router.silent = true;
    } else if (name == "no-ptb") {
      router.ptb = false;
    } else if (name == "ptb-mtu") {
      tests::read_number(value, router.ptb_mtu.emplace());
    } else if (name == "icmp-gap") {
      tests::read_number(value, milliseconds);
      router.icmp_gap = std::chrono::milliseconds{milliseconds};
    } else {
      FAIL("unknown word " << name);
    }
  }
  return router;
}

void read_expectation(const tests::ScenarioLine& line, Scenario& scenario) {
  REQUIRE(line.words.size() >= 2);
  scenario.verdict = line.words[0].name;
  tests::read_number(line.words[1].name, scenario.mtu);
  for (const auto& [name, value] : std::span(line.words).subspan(2)) {
    if (name == "last") {
      scenario.last = value;
    } else if (name == "missed") {
      scenario.missed = value;
    } else if (name == "by") {
      scenario.by = value;
    } else {
      FAIL("unknown word " << name);
    }
  }
}

Scenario scenario_of(const tests::ScenarioText& text) {
  Scenario scenario{.name = text.name};
  for (const auto& line : text.lines) {
    if (line.key == "interface") {
      tests::read_number(line.first(), scenario.interface);
    } else if (line.key == "link") {
      tests::read_number(line.first(), scenario.links.emplace_back());
    } else if (line.key == "router") {
      scenario.routers.push_back(router_of(line));
    } else if (line.key == "target") {
      tests::read_number(line.first(), scenario.target);
    } else if (line.key == "far-known") {
      scenario.far_known = true;
    } else if (line.key == "refused") {
      scenario.refused = true;
    } else if (line.key == "loss") {
      tests::read_number(line.first(), scenario.loss);
    } else if (line.key == "expect") {
      read_expectation(line, scenario);
    } else {
      FAIL("unknown key " << line.key);
    }
  }
  return scenario;
}

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  for (const auto& text :
       tests::read_scenarios(std::string(FAULTLINE_SCENARIOS) + "/mtu_scenarios.txt")) {
    all.push_back(scenario_of(text));
  }
  return all;
}

IpAddress router_address(std::size_t hop) {
  return IpAddress::v4(0x0a000000U + static_cast<std::uint32_t>(hop));
}

// The path, and what comes back of each packet when.
class Path {
 public:
  Path(Scenario scenario, std::uint64_t seed) : scenario_(std::move(scenario)), rng_(seed) {}

  void send(const mtu::Packet& packet, Instant now) {
    if (lost()) return;
    for (std::size_t i = 0; i < scenario_.routers.size(); ++i) {
      if (i > 0 && packet.size > scenario_.links[i]) return too_big(i, packet, now);
      if (packet.ttl == i + 1)
        return icmp(i + 1, now, [id = packet.id, from = router_address(i + 1)](auto& s) {
          s.on_ttl_exceeded(id, from);
        });
    }
    if (packet.size > scenario_.links.back()) return too_big(scenario_.routers.size(), packet, now);
    if (packet.size > scenario_.target || lost()) return;
    const auto id = packet.id;
    const bool refused = scenario_.refused;
    replies_.emplace(now + 2 * kHopDelay, [id, refused](mtu::Search& search) {
      refused ? search.on_refused(id) : search.on_answer(id);
    });
  }
  void deliver(Instant now, mtu::Search& search) {
    while (!replies_.empty() && replies_.begin()->first <= now) {
      replies_.begin()->second(search);
      replies_.erase(replies_.begin());
    }
  }
  [[nodiscard]] Instant next() const {
    return replies_.empty() ? Instant::max() : replies_.begin()->first;
  }

 private:
  bool lost() { return uniform(rng_) < scenario_.loss; }
  // Router `hop`, counted from 1, cannot pass it on to its next link.
  void too_big(std::size_t hop, const mtu::Packet& packet, Instant now) {
    if (hop == 0 || !scenario_.routers[hop - 1].ptb) return;
    const auto& router = scenario_.routers[hop - 1];
    icmp(hop, now,
         [id = packet.id, from = router_address(hop),
          mtu = router.ptb_mtu.value_or(scenario_.links[hop])](auto& search) {
           search.on_too_big(id, from, mtu);
         });
  }
  template <typename Say>
  void icmp(std::size_t hop, Instant now, Say&& say) {
    auto& router = scenario_.routers[hop - 1];
    if (router.silent || now < router.icmp_at || lost()) return;
    router.icmp_at = now + router.icmp_gap;
    replies_.emplace(now + kHopDelay, say);
  }

  Scenario scenario_;
  Rng rng_;
  std::multimap<Instant, std::function<void(mtu::Search&)>> replies_;
};

using LargePackets = std::map<std::uint8_t, int>;  // that were sent, by TTL

mtu::Report run(const Scenario& scenario, std::uint64_t seed, LargePackets* large = nullptr) {
  mtu::Search search({.ceiling = scenario.interface,
                      .far_mtu = scenario.far_known ? scenario.target : std::uint16_t{0}});
  Path path(scenario, seed);
  Instant now{std::chrono::hours{1}};
  for (int turn = 0; turn < 20'000 && !search.done(); ++turn) {
    path.deliver(now, search);
    if (const auto packet = search.next(now)) {
      path.send(*packet, now);
      if (large != nullptr && packet->size > mtu::kSmall) ++(*large)[packet->ttl];
    }
    const auto next = std::min(search.next_event(), path.next());
    if (next != Instant::max()) now = std::max(next, now + std::chrono::microseconds{100});
  }
  CHECK(search.done());
  return search.report();
}

std::string hop_name(const mtu::Hop& hop) { return std::to_string(hop.ttl); }

bool right(const Scenario& scenario, const mtu::Report& found) {
  if (mtu::to_string(found.verdict) != scenario.verdict || found.mtu != scenario.mtu) return false;
  if (found.verdict == Verdict::kLowMtu) {
    return found.too_big_from == router_address(std::stoul(scenario.by));
  }
  if (found.verdict != Verdict::kBlackHole) return true;
  return hop_name(found.last_reached) == scenario.last &&
         (found.first_missed ? hop_name(*found.first_missed) : "target") == scenario.missed;
}

}  // namespace

TEST_CASE("each fault of a path is told from its neighbors, and placed", "[mtu]") {
  const auto all = scenarios();
  REQUIRE(all.size() >= 20);
  for (const auto& scenario : all) {
    const int runs =
        scenario.loss > 0 || scenario.name.find("seldom") != std::string::npos ? 50 : 1;
    int wrong = 0;
    for (int seed = 5000; seed < 5000 + runs; ++seed) {
      const auto found = run(scenario, static_cast<std::uint64_t>(seed));
      CHECK(found.large_sent <= mtu::kLargeMax);
      if (!right(scenario, found)) ++wrong;
      if (runs > 1) continue;
      INFO(scenario.name << ": " << mtu::to_string(found.verdict) << " " << found.mtu << " last "
                         << hop_name(found.last_reached));
      CHECK(right(scenario, found));
    }
    INFO(scenario.name << ": " << wrong << " wrong of " << runs);
    CHECK(wrong * 25 <= runs);  // loss can hide a hop's every answer
  }
}

TEST_CASE("a search whose large packets run out while it locates names no hop that it did not try",
          "[mtu]") {
  int cut_short = 0;
  for (int seed = 0; seed < 200; ++seed) {
    Scenario scenario;
    scenario.interface = scenario.target = 9000;
    scenario.loss = 0.2 + 0.001 * (seed % 100);
    scenario.links.assign(29, 9000);
    scenario.links.back() = 140;
    scenario.routers.assign(28, Router{.ptb = false});
    LargePackets large;
    const auto found = run(scenario, static_cast<std::uint64_t>(seed), &large);
    CAPTURE(seed, mtu::to_string(found.verdict), found.mtu, found.large_sent);
    int sent = 0;
    for (const auto& [ttl, count] : large) sent += count;
    CHECK(sent == static_cast<int>(found.large_sent));
    CHECK(found.large_sent <= mtu::kLargeMax);
    if (found.verdict != Verdict::kBlackHole) continue;
    if (found.large_sent == mtu::kLargeMax) ++cut_short;
    if (found.located && found.first_missed) CHECK(large[found.first_missed->ttl] >= 2);
    if (found.located) CHECK(found.last_reached.ttl > 0);
  }
  CHECK(cut_short >= 5);  // else nothing was tested
}

TEST_CASE("the octets that a tunnel takes are named", "[mtu]") {
  CHECK(mtu::explain(1450, 1500).find("VXLAN over IPv4") != std::string::npos);
  CHECK(mtu::explain(8951, 9000).find("9001") != std::string::npos);
  CHECK(mtu::explain(1420, 1500).find("WireGuard over IPv6") != std::string::npos);
  CHECK(mtu::explain(1500, 9000).find("usual") != std::string::npos);
  CHECK(mtu::explain(1500, 1500).empty());
  CHECK(mtu::explain(1399, 1500).empty());
}
