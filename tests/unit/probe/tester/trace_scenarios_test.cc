// The exploration against the paths of trace_scenarios.txt, on virtual time.
#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "probe/paths/exploration.h"
#include "tests/support/catch.h"
#include "tests/unit/probe/tester/scenario_file.h"

namespace faultline::trace_scenarios {
namespace {

using namespace std::chrono_literals;

constexpr Instant kBegin{1h};
constexpr int kFullTtl = 255;
constexpr int kStepsMax = 600;  // of one packet: a loop ends with its TTL
const IpAddress kTarget = *IpAddress::parse("192.0.2.9");

struct Hop {
  int wide = 1, sets_ttl = 0, back_to = 0, lossy = -1;
  bool silent = false, alternates = false, swallows = false, no_route = false;
  double loss = 0;
  Duration icmp_gap{}, moves_at = Duration::max();
  std::map<int, Instant> icmp_at{};  // by router: when it may say something again
};
struct Scenario {
  std::string name;
  paths::ExplorationOptions options{};
  std::vector<Hop> hops{};
  bool filtered = false, reflector = true;
  std::string ended{}, answered = "all";
  std::size_t path_count = 1, hop_count = 0;  // 0 paths: as many as there are
  std::set<std::string> remarks{};
};

void read_ask(const tests::ScenarioLine& line, paths::ExplorationOptions& options) {
  for (const auto& [name, value] : line.words) {
    if (name == "flows") {
      tests::read_number(value, options.flows);
    } else if (name == "attempts") {
      tests::read_number(value, options.attempts);
    } else if (name == "rate") {
      tests::read_number(value, options.rate);
    } else {
      FAIL("unknown word " << name);
    }
  }
}

Duration milliseconds_of(const std::string& value) {
  std::int64_t count = 0;
  tests::read_number(value, count);
  return std::chrono::milliseconds{count};
}

Hop hop_of(const tests::ScenarioLine& line) {
  Hop hop;
  const std::map<std::string, bool*> flags{{"silent", &hop.silent},
                                           {"alternates", &hop.alternates},
                                           {"swallows", &hop.swallows},
                                           {"no-route", &hop.no_route}};
  const std::map<std::string, int*> numbers{{"wide", &hop.wide},
                                            {"sets-ttl", &hop.sets_ttl},
                                            {"back-to", &hop.back_to},
                                            {"lossy", &hop.lossy}};
  for (const auto& [name, value] : line.words) {
    if (flags.contains(name)) {
      *flags.at(name) = true;
    } else if (numbers.contains(name)) {
      tests::read_number(value, *numbers.at(name));
    } else if (name == "loss") {
      tests::read_number(value, hop.loss);
    } else if (name == "icmp-gap") {
      hop.icmp_gap = milliseconds_of(value);
    } else if (name == "moves-at") {
      hop.moves_at = milliseconds_of(value);
    } else {
      FAIL("unknown word " << name);
    }
  }
  return hop;
}

void read_wanted(const tests::ScenarioLine& line, Scenario& scenario) {
  scenario.ended = line.first();
  for (const auto& [name, value] : std::span(line.words).subspan(1)) {
    if (name == "paths") {
      scenario.path_count = 0;
      if (value != "any") tests::read_number(value, scenario.path_count);
    } else if (name == "hops") {
      tests::read_number(value, scenario.hop_count);
    } else if (name == "answered") {
      scenario.answered = value;
    } else if (name == "remarks") {
      std::istringstream kinds(value);
      for (std::string kind; std::getline(kinds, kind, ',');) scenario.remarks.insert(kind);
    } else {
      FAIL("unknown word " << name);
    }
  }
}

Scenario scenario_of(const tests::ScenarioText& text) {
  Scenario scenario{.name = text.name};
  for (const auto& line : text.lines) {
    if (line.key == "ask") {
      read_ask(line, scenario.options);
    } else if (line.key == "router") {
      scenario.hops.push_back(hop_of(line));
    } else if (line.key == "filtered") {
      scenario.filtered = true;
    } else if (line.key == "no-reflector") {
      scenario.reflector = false;
    } else if (line.key == "expect") {
      read_wanted(line, scenario);
    } else {
      FAIL("unknown key " << line.key);
    }
  }
  return scenario;
}

std::vector<Scenario> read_all() {
  std::vector<Scenario> all;
  for (const auto& text :
       tests::read_scenarios(std::string(FAULTLINE_SCENARIOS) + "/trace_scenarios.txt")) {
    all.push_back(scenario_of(text));
  }
  return all;
}

// What a packet meets, router by router.
class Network {
 public:
  Network(Scenario scenario, std::uint64_t seed) : scenario_(std::move(scenario)), rng_(seed) {}

  [[nodiscard]] std::optional<paths::Reply> pass(const paths::Probe& probe, Instant now) {
    int ttl = probe.ttl == 0 ? kFullTtl : probe.ttl;
    std::size_t at = 0;
    for (int step = 0; step < kStepsMax && at < scenario_.hops.size(); ++step) {
      auto& hop = scenario_.hops[at];
      const int which = router_of(hop, probe.flow, now);
      if (hop.sets_ttl != 0) ttl = hop.sets_ttl;
      if (ttl == 1) return icmp(at, which, now, {.ttl_exceeded = true, .type = 11});
      --ttl;
      if (hop.no_route) return icmp(at, which, now, {.type = 3, .code = 1});
      const bool loses = hop.lossy < 0 || hop.lossy == which;
      if (hop.swallows || (loses && uniform(rng_) < hop.loss)) return std::nullopt;
      at = hop.back_to != 0 ? static_cast<std::size_t>(hop.back_to - 1) : at + 1;
    }
    paths::Reply reply{.from = kTarget, .from_target = true};
    if (scenario_.reflector) {
      reply.arrived_ttl = static_cast<std::uint8_t>(ttl);
    } else {
      reply.type = 3;
      reply.code = 3;
    }
    return reply;
  }

 private:
  int router_of(Hop& hop, int flow, Instant now) {
    if (hop.alternates) return uniform(rng_) < 0.5 ? 0 : 1;
    if (now - kBegin >= hop.moves_at) return hop.wide;
    return flow % hop.wide;
  }
  [[nodiscard]] std::optional<paths::Reply> icmp(std::size_t at, int which, Instant now,
                                                 paths::Reply reply) {
    auto& hop = scenario_.hops[at];
    if (hop.silent || scenario_.filtered) return std::nullopt;
    if (const auto next = hop.icmp_at.find(which); next != hop.icmp_at.end() && now < next->second)
      return std::nullopt;
    hop.icmp_at[which] = now + hop.icmp_gap;
    reply.from = IpAddress::v4(0x0a000000U + static_cast<std::uint32_t>((at + 1) * 256) +
                               static_cast<std::uint32_t>(which));
    return reply;
  }

  Scenario scenario_;
  Rng rng_;
};

paths::ExplorationReport run(const Scenario& scenario, std::uint64_t seed) {
  Network network(scenario, seed);
  Instant now = kBegin;
  paths::Exploration exploration(kTarget, scenario.options, now);
  std::multimap<Instant, std::pair<std::uint32_t, paths::Reply>> replies;
  for (int turn = 0; turn < 200'000 && !exploration.done(); ++turn) {
    while (!replies.empty() && replies.begin()->first <= now) {
      exploration.on_reply(replies.begin()->second.first, replies.begin()->second.second, now);
      replies.erase(replies.begin());
    }
    if (const auto probe = exploration.next(now)) {
      const auto reply = network.pass(*probe, now);
      if (reply) replies.emplace(now + 1ms, std::pair(probe->id, *reply));
      continue;
    }
    auto next = exploration.next_event(now);
    if (!replies.empty()) next = std::min(next, replies.begin()->first);
    if (next != Instant::max()) now = std::max(next, now + 10us);
  }
  CHECK(exploration.done());
  return exploration.report();
}

std::string answered(const paths::ExplorationReport& report) {
  std::uint32_t sent = 0, heard = 0;
  for (const auto& path : report.paths) {
    sent += path.sent;
    heard += path.answered;
  }
  return heard == sent ? "all" : heard == 0 ? "none" : "some";
}

void check(const Scenario& scenario, const paths::ExplorationReport& report) {
  std::set<std::string> kinds;
  for (const auto& remark : report.remarks) kinds.insert(std::string(remark.kind));
  CHECK(kinds == scenario.remarks);
  if (scenario.path_count != 0) CHECK(report.paths.size() == scenario.path_count);
  CHECK(answered(report) == scenario.answered);
  for (const auto& path : report.paths) {
    CHECK(std::string(paths::to_string(path.ended)) == scenario.ended);
    CHECK(path.hops.size() == scenario.hop_count);
  }
}

}  // namespace

TEST_CASE("each oddity of a path is told from its neighbors", "[paths]") {
  const auto all = read_all();
  REQUIRE(all.size() >= 15);
  for (const auto& scenario : all) {
    const bool lossy = std::ranges::any_of(scenario.hops, [](const Hop& h) { return h.loss > 0; });
    for (std::uint64_t seed = 5000; seed < (lossy ? 5005U : 5001U); ++seed) {
      INFO(scenario.name << ", seed " << seed);
      check(scenario, run(scenario, seed));
    }
  }
}

}  // namespace faultline::trace_scenarios
