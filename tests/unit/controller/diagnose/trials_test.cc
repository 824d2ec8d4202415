#include "controller/diagnose/trials.h"

#include <fmt/format.h>

#include "common/ondemand/order_json.h"
#include "controller/diagnose/diagnosis.h"
#include "tests/support/catch.h"

namespace faultline::diagnose {
namespace {

using Texts = std::vector<std::string>;

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

NodeFacts node(const std::string& name, const std::string& own, std::uint32_t mtu) {
  NodeFacts node{.node = name};
  auto& facts = node.facts;
  facts.interfaces.emplace().items = {{.index = 2, .name = "eth0", .mtu = mtu, .up = true}};
  facts.addresses.emplace().items = {
      {.interface = "eth0", .prefix = {address(own), 24}, .scope = "global"}};
  facts.rules.emplace();
  facts.routes.emplace().items = {{.table = 254,
                                   .type = "unicast",
                                   .destination = {address("10.0.1.0"), 24},
                                   .next_hops = {{.interface = "eth0"}}}};
  facts.routes->total = 1;
  return node;
}

// Two neighbors that measure each other, and nothing is wrong.
Inputs neighbors() {
  Inputs inputs;
  inputs.a = {.name = "a", .probe = ProbeState::kLive, .address = address("10.0.1.1")};
  inputs.b = {.name = "b", .probe = ProbeState::kLive, .address = address("10.0.1.2")};
  inputs.facts = {node("a", "10.0.1.1", 1500), node("b", "10.0.1.2", 1500)};
  Session session{.flows = {{.source_port = 42000, .now = {.sent = 20, .rtt_mean_us = 150}}},
                  .now = {.sent = 20, .rtt_mean_us = 150},
                  .minute = {.sent = 60}};
  inputs.by_a = inputs.by_b = session;
  return inputs;
}

void die(Inputs& inputs) {
  for (auto* session : {&inputs.by_a, &inputs.by_b}) {
    (*session)->now = {.sent = 20, .lost_undetermined = 20};
    (*session)->flows.front().now = (*session)->now;
  }
}

Texts texts(const std::vector<Trial>& trials, const Inputs& inputs) {
  Texts result;
  for (const auto& trial : trials) {
    result.push_back(text_of(trial, inputs));
    // What a probe refuses to carry out, nobody needs to order.
    const auto order = ondemand::order_from_json(order_of(trial, inputs));
    CHECK(order);
  }
  CHECK(trials.size() <= kTrialsMax);
  return result;
}

TEST_CASE("where nothing is wrong, pings and packets of full size are tried from both ends",
          "[diagnose][trials]") {
  auto inputs = neighbors();
  CHECK(texts(way_trials(inputs), inputs) ==
        Texts{"a to b: icmp", "a to b: mtu 1500", "b to a: icmp", "b to a: mtu 1500"});
  inputs.facts[1].facts.interfaces->items[0].mtu = 1400;
  CHECK(way_trials(inputs)[1].size == 1400);
  inputs.facts.pop_back();
  CHECK(texts(way_trials(inputs), inputs) == Texts{"a to b: icmp", "b to a: icmp"});
}

TEST_CASE("where nothing gets through, packets of full size are not tried", "[diagnose][trials]") {
  auto inputs = neighbors();
  die(inputs);
  CHECK(texts(way_trials(inputs), inputs) == Texts{"a to b: icmp", "b to a: icmp"});
}

TEST_CASE("where a configuration tells why, nothing is tried", "[diagnose][trials]") {
  auto inputs = neighbors();
  die(inputs);
  inputs.facts[1].facts.routes.emplace();
  CHECK(way_trials(inputs).empty());
}

TEST_CASE("only who has a live probe tests, and of the past nothing is tested",
          "[diagnose][trials]") {
  auto inputs = neighbors();
  inputs.question.port = 5432;
  CHECK(texts(port_trials(inputs), inputs) == Texts{"a to b: tcp 5432"});
  inputs.b.probe = ProbeState::kNone;
  CHECK(texts(port_trials(inputs), inputs).size() == 1);
  for (const auto& trial : way_trials(inputs)) CHECK_FALSE(trial.from_b);
  inputs.a.probe = ProbeState::kSilent;
  CHECK(port_trials(inputs).empty());
  CHECK(way_trials(inputs).empty());

  inputs = neighbors();
  inputs.question = {.port = 5432, .past = true};
  CHECK(port_trials(inputs).empty());
  CHECK(way_trials(inputs).empty());
  inputs.question = {.port = 53, .protocol = "udp"};
  CHECK(port_trials(inputs).empty());
}

TEST_CASE("of a machine that nobody measures a ping tells", "[diagnose][trials]") {
  auto inputs = neighbors();
  inputs.b.probe = ProbeState::kNone;
  inputs.facts.pop_back();
  inputs.by_a = inputs.by_b = std::nullopt;
  const auto verdict_with = [&](const std::string& outcome, const std::string& what = "icmp") {
    auto asked = inputs;
    if (!outcome.empty()) {
      asked.tried = {{.what = what, .outcome = outcome, .told_by = address("10.0.1.9")}};
    }
    return diagnose(asked).verdict;
  };
  CHECK(verdict_with("").code == "unknown");
  CHECK(verdict_with("ok").code == "healthy");
  CHECK(verdict_with("ok").sentence ==
        "nothing measures between a and b, and just now a ping got through (seen from a only: b "
        "has no probe)");
  CHECK(verdict_with("timeout").code == "unknown");
  CHECK(verdict_with("timeout").sentence.find("got no answer") != std::string::npos);
  CHECK(verdict_with("unreachable").code == "path_breaks");
  CHECK(verdict_with("unreachable").level == Level::kFail);
  CHECK(verdict_with("loop").code == "routing_loop");
  inputs.question.port = 22;
  CHECK(verdict_with("ok").code == "unknown");  // a ping says nothing of the port
  CHECK(verdict_with("ok", "tcp 22").code == "healthy");
  CHECK(verdict_with("timeout", "tcp 22").code == "port_timeout");
}

TEST_CASE("an answer is waited for as long as the way is, at most a second", "[diagnose][trials]") {
  auto inputs = neighbors();
  const auto timeout = [&] {
    return ondemand::order_from_json(order_of({.what = "icmp"}, inputs))->timeout;
  };
  CHECK(timeout() == kTrialTimeoutMin);
  inputs.by_b->now.rtt_mean_us = 100'000;
  CHECK(timeout() == kTrialTimeoutMin + std::chrono::milliseconds{200});
  inputs.by_b->now.rtt_mean_us = 5'000'000;
  CHECK(timeout() == kTrialTimeoutMax);
}

TEST_CASE("a report is read for its verdict, its sentence and who said it", "[diagnose][trials]") {
  const Trial ping{.what = "icmp"};
  const Trial large{.from_b = true, .what = "mtu", .size = 1500};
  CHECK(
      tried_of(ping, R"({"verdict":"answered","summary":"4 of 4 answered","rtt_us_median":210})") ==
      Tried{.what = "icmp", .outcome = "ok", .detail = "4 of 4 answered, 0.21 ms"});
  CHECK(
      tried_of(large, R"({"verdict":"lossy","summary":"3 of 4 answered","rtt_us_median":null})") ==
      Tried{.what = "mtu",
            .from_b = true,
            .outcome = "lossy",
            .detail = "1500 bytes: 3 of 4 answered",
            .mtu = 1500});
  CHECK(tried_of(large, R"({"verdict":"too-big","summary":"10.0.9.1 says: fragmentation needed",
            "pings":[{"outcome":"lost","from":null},{"outcome":"too-big","from":"10.0.9.1"}]})") ==
        Tried{.what = "mtu",
              .from_b = true,
              .outcome = "too-big",
              .detail = "1500 bytes: 10.0.9.1 says: fragmentation needed",
              .told_by = address("10.0.9.1")});
  for (const auto* nothing : {"", "[]", "{}", R"({"verdict":7})", R"({"verdict":"not-sent"})",
                              R"({"verdict":"answered?","pings":7})"}) {
    CHECK(tried_of(ping, nothing).outcome == "untold");
  }
}

}  // namespace
}  // namespace faultline::diagnose
