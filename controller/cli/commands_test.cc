// test: what a node is ordered to test now.
#include "controller/cli/commands_test.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/cli/client.h"
#include "controller/cli/document.h"
#include "controller/cli/interruption.h"
#include "controller/cli/mtu_both_ways.h"
#include "controller/cli/name_argument.h"
#include "controller/cli/ordered_test.h"
#include "controller/cli/time_argument.h"

namespace faultline::cli {
namespace {

constexpr Duration kFirstLook = std::chrono::milliseconds{200};
constexpr Duration kLook = std::chrono::milliseconds{500};
constexpr Duration kDurationMax = std::chrono::minutes{3};

// What was given; 0 and empty: the controller's default.
struct TestOptions {
  std::string kind{};
  std::string node{};
  std::string target{};
  std::string method{};
  std::string interval{};
  std::string timeout{};
  std::uint32_t count = 0;
  std::uint16_t port = 0;
  std::uint16_t source_port = 0;
  std::uint16_t size = 0;
  std::uint16_t size_max = 0;
  std::uint16_t far_mtu = 0;
  std::uint16_t flows = 0;
  std::uint16_t rate = 0;
  std::uint32_t dscp = 0;
  bool quic = false;
  bool both = false;
};

template <typename Number>
void put(Json& order, const char* member, Number value) {
  if (value != 0) order[member] = value;
}

Outcome<Json> order_of(const TestOptions& options) {
  Json order{{"kind", options.kind}, {"target", options.target}};
  if (!options.method.empty()) order["method"] = options.method;
  if (options.quic) order["method"] = "quic";
  put(order, "count", options.count);
  put(order, "port", options.port);
  put(order, "source_port", options.source_port);
  put(order, "size", options.size);
  put(order, "size_max", options.size_max);
  put(order, "far_mtu", options.far_mtu);
  put(order, "flows", options.flows);
  put(order, "rate", options.rate);
  put(order, "dscp", options.dscp);
  for (const auto& [name, option, given] :
       {std::tuple("interval_ms", "--interval", &options.interval),
        std::tuple("timeout_ms", "--wait", &options.timeout)}) {
    if (given->empty()) continue;
    FAULTLINE_CLI_TRY(const auto length, parse_length_option(option, *given, kDurationMax));
    order[name] = length / std::chrono::milliseconds{1};
  }
  return order;
}

// Until all are over, with their reports. The controller gives up what no probe answers.
Outcome<void> await(std::span<OrderedTest> tests, const Interruption& interruption) {
  Progress progress;
  for (auto wait = kFirstLook;; wait = kLook) {
    std::string under_way;
    for (auto& test : tests) {
      FAULTLINE_CLI_TRY(const auto over, test.look());
      if (over) continue;
      under_way += (under_way.empty() ? "" : "; ") + test.node() + ": " + test.text();
    }
    if (under_way.empty()) break;
    progress.update(under_way);
    if (interruption.wait(wait)) return tl::unexpected(interrupted());
  }
  progress.end();
  for (const auto& test : tests) {
    if (!test.report().is_null()) continue;
    const auto why = tests.size() == 1 ? test.text() : test.node() + ": " + test.text();
    return tl::unexpected(Failure{ExitCode::kUnreachable, "unavailable", why});
  }
  return {};
}

// The same test from the other end, at the same time.
Outcome<ExitCode> run_both_ways(Context& context, const ApiClient& api, const TestOptions& options,
                                Json order) {
  order["method"] = "stamp";  // whose answers are small: each tells of one way alone
  const Interruption interruption;
  std::vector<OrderedTest> tests;
  for (const auto& [node, target] :
       {std::pair(options.node, options.target), std::pair(options.target, options.node)}) {
    order["target"] = target;
    FAULTLINE_CLI_TRY(auto test, OrderedTest::begin(api, node, order));
    tests.push_back(std::move(test));
  }
  if (auto awaited = await(tests, interruption); !awaited) return tl::unexpected(awaited.error());
  return context.show(
      mtu_both_ways(options.node, options.target, tests[0].report(), tests[1].report()).dump());
}

Outcome<ExitCode> run(Context& context, const TestOptions& options) {
  FAULTLINE_CLI_TRY(const auto order, order_of(options));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  if (options.both) return run_both_ways(context, api, options, order);
  const Interruption interruption;
  FAULTLINE_CLI_TRY(auto test, OrderedTest::begin(api, options.node, order));
  if (auto awaited = await({&test, 1}, interruption); !awaited) {
    return tl::unexpected(awaited.error());
  }
  return context.show(test.report().dump());
}

CLI::App* add_kind(CLI::App& test, Context& context, const char* kind, const char* description,
                   const char* examples, const std::shared_ptr<TestOptions>& options) {
  auto* command = add_command(test, kind, description, examples);
  options->kind = kind;
  command->add_option("NODE", options->node, "The node that tests")->required();
  command->add_option("TARGET", options->target, "A node, or an address")->required();
  command->add_option("--wait", options->timeout, "For an answer; default: 1s, at most 10s");
  command->add_option("--dscp", options->dscp, "Class of the packets, 0 to 63");
  command->callback([&context, options] {
    context.command = [&context, options] { return run(context, *options); };
  });
  return command;
}

void add_ping(CLI::App& test, Context& context) {
  const auto options = std::make_shared<TestOptions>();
  auto* ping = add_kind(test, context, "ping", "Is it there? By ICMP echo, STAMP, TCP or QUIC",
                        "  faultline test ping h1 h9\n"
                        "  faultline test ping h1 192.0.2.7 --count 20 --interval 50ms\n"
                        "  faultline test ping h1 h9 --method tcp --port 22\n"
                        "Exit code 0: answered; 1: a fault; 2: nothing can be said.\n",
                        options);
  ping->add_option("--method", options->method, "icmp, stamp, tcp or quic; default: icmp")
      ->check(CLI::IsMember({"icmp", "stamp", "tcp", "quic"}));
  ping->add_option("--port", options->port, "For stamp (default: the target's), tcp and quic");
  ping->add_option("--count", options->count, "How many; default: 5, at most 1000");
  ping->add_option("--interval", options->interval, "Between two; default: 200ms");
  ping->add_option("--size", options->size, "Octets of the IP packet");
  ping->add_option("--source-port", options->source_port, "For stamp, tcp and quic");
}

void add_port(CLI::App& test, Context& context) {
  const auto options = std::make_shared<TestOptions>();
  auto* port = add_kind(test, context, "port", "Is a port open, refused, filtered, or silent?",
                        "  faultline test port h1 h9 443\n"
                        "  faultline test port h1 h9 443 --quic\n",
                        options);
  port->add_option("PORT", options->port, "TCP port, or UDP port with --quic")->required();
  port->add_flag("--quic", options->quic, "A UDP port where QUIC is spoken");
  port->add_option("--count", options->count, "How many times; default: 5");
  port->add_option("--interval", options->interval, "Between two; default: 200ms");
  port->add_option("--source-port", options->source_port, "Connect from this port");
}

void add_mtu(CLI::App& test, Context& context) {
  const auto options = std::make_shared<TestOptions>();
  auto* mtu =
      add_kind(test, context, "mtu", "The largest packet that arrives, and where a larger one ends",
               "  faultline test mtu h1 h9\n"
               "  faultline test mtu h1 h9 --both-ways            (a verdict for each direction)\n"
               "The MTU of the target's own interface is taken from its facts.\n",
               options);
  auto* both = mtu->add_flag("--both-ways", options->both,
                             "From both ends, by stamp, where they measure each other");
  mtu->add_option("--method", options->method,
                  "icmp (default): answers as large; stamp: small ones")
      ->check(CLI::IsMember({"icmp", "stamp"}))
      ->excludes(both);
  mtu->add_option("--port", options->port, "For stamp; default: the target's reflector")
      ->excludes(both);
  mtu->add_option("--source-port", options->source_port, "For stamp, where that port is free");
  mtu->add_option("--size-max", options->size_max, "Begin here; default: the interface's MTU");
  mtu->add_option("--far-mtu", options->far_mtu, "The MTU of the target's interface")
      ->excludes(both);
}

void add_trace(CLI::App& test, Context& context) {
  const auto options = std::make_shared<TestOptions>();
  auto* trace =
      add_kind(test, context, "trace", "All paths that load balancing offers, by many flows",
               "  faultline test trace h1 h9 --flows 64\n"
               "  faultline path h1 h9 --flows 64               (the same)\n",
               options);
  trace->add_option("--flows", options->flows, "Source ports; default: 1, at most 128");
  trace->add_option("--port", options->port, "UDP port of the target; default: its reflector");
  trace->add_option("--source-port", options->source_port, "The first of them");
  trace->add_option("--count", options->count, "Packets for each hop of each flow; default: 3");
  trace->add_option("--rate", options->rate,
                    "Packets per second; a fifth of it per hop; default: 100");
}

void add_list(CLI::App& test, Context& context) {
  const auto name = std::make_shared<std::string>();
  auto* list =
      add_command(test, "list", "The standing tests of the configuration, and what fails",
                  "  faultline test list\n"
                  "  faultline test list ssh                         (all of its pairs)\n"
                  "A pair fails after two faults in a row, until two successes. What is "
                  "known is of since the\ncontroller's start. Exit code 1: a pair fails.\n");
  list->add_option("TEST", *name, "Show every pair of this one");
  list->callback([&context, name] {
    context.command = [&context, name]() -> Outcome<ExitCode> {
      if (name->empty()) return context.query("/api/v1/standing-tests");
      FAULTLINE_CLI_TRY(const auto segment, name_segment("TEST", *name));
      return context.query("/api/v1/standing-tests?name=" + segment);
    };
  });
}

}  // namespace

Outcome<ExitCode> explore_paths(Context& context, const std::string& source,
                                const std::string& target, std::uint16_t flows) {
  return run(context, {.kind = "trace", .node = source, .target = target, .flows = flows});
}

void add_test_commands(CLI::App& app, Context& context) {
  auto* test =
      add_command(app, "test", "Order a node to test something now; list standing tests",
                  "  faultline test ping h1 h9\n"
                  "  faultline test mtu h1 h9\n"
                  "  faultline test trace h1 h9 --flows 64\n"
                  "  faultline test port h1 h9 443\n"
                  "  faultline test list\n"
                  "An operator's action, on record in the audit log. Two at once per node, 32 in "
                  "the fleet.\nCtrl-C ends the test on the node, too. By STAMP any node tests any "
                  "other: the target is told to answer.\n");
  test->require_subcommand(1);
  add_ping(*test, context);
  add_port(*test, context);
  add_mtu(*test, context);
  add_trace(*test, context);
  add_list(*test, context);
}

}  // namespace faultline::cli
