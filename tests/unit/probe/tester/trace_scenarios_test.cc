// The exploration against the paths of trace_scenarios.txt, on virtual time.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "probe/paths/exploration.h"
#include "tests/support/catch.h"

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

std::pair<std::string, std::string> split(const std::string& word) {
  const auto at = word.find('=');
  if (at == std::string::npos) return {word, ""};
  return {word.substr(0, at), word.substr(at + 1)};
}

void read_ask(std::istringstream& words, paths::ExplorationOptions& options) {
  for (std::string word; words >> word;) {
    const auto [key, value] = split(word);
    const auto number = static_cast<std::uint16_t>(std::stoul(value));
    if (key == "flows")
      options.flows = number;
    else if (key == "attempts")
      options.attempts = number;
    else if (key == "rate")
      options.rate = number;
    else
      FAIL("unknown word " << word);
  }
}

void read_hop(std::istringstream& words, std::vector<Hop>& hops) {
  auto& hop = hops.emplace_back();
  const std::map<std::string, bool*> flags{{"silent", &hop.silent},
                                           {"alternates", &hop.alternates},
                                           {"swallows", &hop.swallows},
                                           {"no-route", &hop.no_route}};
  const std::map<std::string, int*> numbers{{"wide", &hop.wide},
                                            {"sets-ttl", &hop.sets_ttl},
                                            {"back-to", &hop.back_to},
                                            {"lossy", &hop.lossy}};
  for (std::string word; words >> word;) {
    const auto [key, value] = split(word);
    if (flags.contains(key))
      *flags.at(key) = true;
    else if (numbers.contains(key))
      *numbers.at(key) = std::stoi(value);
    else if (key == "loss")
      hop.loss = std::stod(value);
    else if (key == "icmp-gap")
      hop.icmp_gap = std::chrono::milliseconds{std::stol(value)};
    else if (key == "moves-at")
      hop.moves_at = std::chrono::milliseconds{std::stol(value)};
    else
      FAIL("unknown word " << word);
  }
}

void read_wanted(std::istringstream& words, Scenario& scenario) {
  words >> scenario.ended;
  for (std::string word; words >> word;) {
    const auto [key, value] = split(word);
    if (key == "paths")
      scenario.path_count = value == "any" ? 0 : std::stoul(value);
    else if (key == "hops")
      scenario.hop_count = std::stoul(value);
    else if (key == "answered")
      scenario.answered = value;
    else if (key == "remarks") {
      std::istringstream kinds(value);
      for (std::string kind; std::getline(kinds, kind, ',');) scenario.remarks.insert(kind);
    } else {
      FAIL("unknown word " << word);
    }
  }
}

std::vector<Scenario> read_all() {
  std::ifstream file(std::string(FAULTLINE_SCENARIOS) + "/trace_scenarios.txt");
  std::vector<Scenario> all;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    if (!(words >> key) || key[0] == '#') continue;
    if (key == "scenario") {
      all.push_back({.name = line.substr(9)});
      continue;
    }
    REQUIRE(!all.empty());
    auto& scenario = all.back();
    if (key == "ask")
      read_ask(words, scenario.options);
    else if (key == "router")
      read_hop(words, scenario.hops);
    else if (key == "filtered")
      scenario.filtered = true;
    else if (key == "no-reflector")
      scenario.reflector = false;
    else if (key == "expect")
      read_wanted(words, scenario);
    else
      FAIL("unknown key " << key);
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
