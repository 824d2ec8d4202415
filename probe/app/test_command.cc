#include "probe/app/test_command.h"

#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>

#include <cstdio>
#include <fstream>
#include <stop_token>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/crypto/base64.h"
#include "common/net/socket_address.h"
#include "common/ondemand/report_text.h"
#include "probe/stamp/packet.h"
#include "probe/tester/run.h"

namespace faultline::probe_app {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 3;
constexpr std::uint32_t kPings = 5, kAttempts = 3, kStampPings = 10;

std::stop_source& interrupted() {
  static std::stop_source source;  // a signal handler finds nothing else
  return source;
}

// Ends the test, whose report is printed; a second one ends the process.
void stop_on_signals() {
  const auto handler = [](int number) {
    interrupted().request_stop();
    ::signal(number, SIG_DFL);
  };
  ::signal(SIGINT, handler);
  ::signal(SIGTERM, handler);
}

Result<IpAddress> resolve(const std::string& name) {
  if (const auto address = IpAddress::parse(name)) return *address;
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("\"{}\" is no address, and looking it up says: {}", name,
                            ::gai_strerror(error)));
  }
  const auto endpoint = net::from_socket_address(*found->ai_addr);
  ::freeaddrinfo(found);
  if (!endpoint) return fail(ErrorCode::kNotFound, fmt::format("\"{}\" has no address", name));
  return endpoint->address;
}

Result<Duration> duration(const std::string& text, const char* option) {
  if (const auto parsed = parse_duration(text)) return *parsed;
  return fail(ErrorCode::kInvalid,
              fmt::format("{}: \"{}\" is not a duration such as 200ms", option, text));
}

Status write_capture(const nlohmann::ordered_json& report, const std::string& path) {
  const auto octets = crypto::from_base64(report.value("pcapng", ""));
  std::ofstream file(path, std::ios::binary);
  if (octets) {
    file.write(reinterpret_cast<const char*>(octets->data()),
               static_cast<std::streamsize>(octets->size()));
  }
  file.close();
  if (!octets || !file) return fail(ErrorCode::kUnavailable, fmt::format("cannot write {}", path));
  return {};
}

}  // namespace

TestCommands::TestCommands(CLI::App& app) {
  auto* test = app.add_subcommand("test", "Test something from here and now, without a controller");
  test->require_subcommand(1);
  add_ping(*test);
  add_port(*test);
  add_mtu(*test);
  add_trace(*test);
  add_capture(*test);
  add_run(app);
}

void TestCommands::add_common(CLI::App& command) {
  command.add_option("TARGET", given_.target, "An address, or a name")->required();
  command.add_option("--source", given_.source, "Send from this address of this machine")
      ->type_name("ADDRESS");
  command.add_option("--timeout", given_.timeout, "Wait so long for an answer (default 1s)")
      ->type_name("TIME");
  command.add_option("-o,--output", given_.output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void TestCommands::add_ping(CLI::App& test) {
  ping_ = test.add_subcommand("ping", "Is it there? By ICMP echo, STAMP, TCP or QUIC");
  add_common(*ping_);
  ping_->add_option("--method", given_.method, "icmp (default), stamp, tcp or quic");
  ping_->add_option("--port", given_.port, "For stamp (default 862), tcp and quic");
  ping_->add_option("-c,--count", given_.count, "How many (default 5)");
  ping_->add_option("--interval", given_.interval, "Between two (default 200ms)")
      ->type_name("TIME");
  ping_->add_option("--size", given_.size, "Octets of the IP packet");
  ping_->add_option("--dscp", given_.dscp, "Class of the packets, 0 to 63");
  ping_->add_option("--source-port", given_.source_port, "For stamp, tcp and quic");
}

void TestCommands::add_port(CLI::App& test) {
  port_ = test.add_subcommand("port", "Is a port open, refused, filtered, or silent?");
  add_common(*port_);
  port_->add_option("PORT", given_.port, "TCP port, or UDP port with --quic")->required();
  port_->add_flag_callback(
      "--quic", [this] { given_.method = "quic"; }, "A UDP port where QUIC is spoken");
  port_->add_option("-c,--count", given_.count, "How many times (default 5)");
  port_->add_option("--interval", given_.interval, "Between two (default 200ms)")
      ->type_name("TIME");
  port_->add_option("--dscp", given_.dscp, "Class of the packets, 0 to 63");
  port_->add_option("--source-port", given_.source_port, "Connect from this port");
}

void TestCommands::add_mtu(CLI::App& test) {
  mtu_ = test.add_subcommand("mtu", "The largest packet that arrives, and where a larger one ends");
  add_common(*mtu_);
  mtu_->add_option("--method", given_.method,
                   "icmp (default): answers as large; stamp: small ones, of a probe");
  mtu_->add_option("--port", given_.port, "For stamp (default 862)");
  mtu_->add_option("--size-max", given_.size_max, "Begin here (default: the interface's MTU)");
  mtu_->add_option("--far-mtu", given_.far_mtu, "The MTU of the target's interface, where known");
  mtu_->add_option("--source-port", given_.source_port, "For stamp");
}

void TestCommands::add_trace(CLI::App& test) {
  trace_ = test.add_subcommand("trace", "All paths that load balancing offers, by many flows");
  add_common(*trace_);
  trace_->add_option("--flows", given_.flows, "Source ports, 1 to 128 (default 1)");
  trace_->add_option("--port", given_.port, "UDP port of the target (default 862)");
  trace_->add_option("--source-port", given_.source_port, "The first of them (default 61100)");
  trace_->add_option("-c,--count", given_.count, "Packets for each hop of each flow (default 3)");
  trace_->add_option("--rate", given_.rate,
                     "Packets per second; a fifth of it per hop (default 100)");
  trace_->add_option("--dscp", given_.dscp, "Class of the packets, 0 to 63");
}

void TestCommands::add_capture(CLI::App& test) {
  capture_ = test.add_subcommand(
      "capture", "One end's packets of a STAMP conversation, for `faultline capture --files`");
  add_common(*capture_);
  capture_->add_option("--port", given_.port, "The target's (default 862, if no --source-port)");
  capture_->add_option("--source-port", given_.source_port,
                       "This machine's: 862 where it answers, a flow's port where it asks");
  capture_->add_option("--seconds", given_.seconds, "How long, 1 to 60")->capture_default_str();
  capture_->add_option("-w,--write", given_.write, "Write the packets to this file (pcapng)")
      ->type_name("FILE");
}

void TestCommands::add_run(CLI::App& app) {
  run_ =
      app.add_subcommand("run", "Measure one STAMP or TWAMP Light reflector, without a controller");
  run_->add_flag("--once", given_.once, "Once, then exit (what there is without a controller)")
      ->required();
  add_common(*run_);
  run_->add_option("--port", given_.port, "Of the reflector (default 862)");
  run_->add_option("-c,--count", given_.count, "Packets (default 10)");
  run_->add_option("--interval", given_.interval, "Between two (default 200ms)")->type_name("TIME");
  run_->add_option("--size", given_.size, "Octets of the IP packet");
  run_->add_option("--dscp", given_.dscp, "Class of the packets, 0 to 63");
  run_->add_option("--source-port", given_.source_port, "Send from this port");
}

Result<ondemand::TestOrder> TestCommands::order() const {
  using namespace ondemand;
  TestOrder order{.size = given_.size,
                  .dscp = static_cast<std::uint8_t>(std::clamp(given_.dscp, 0, 255)),
                  .flows = given_.flows,
                  .rate = given_.rate,
                  .size_max = given_.size_max,
                  .far_mtu = given_.far_mtu,
                  .seconds = given_.seconds};
  order.source_port = given_.source_port;
  order.kind = port_->parsed()      ? TestKind::kPort
               : mtu_->parsed()     ? TestKind::kMtu
               : trace_->parsed()   ? TestKind::kTrace
               : capture_->parsed() ? TestKind::kCapture
                                    : TestKind::kPing;
  order.method = port_->parsed()                                            ? Method::kTcp
                 : trace_->parsed() || run_->parsed() || capture_->parsed() ? Method::kStamp
                                                                            : Method::kIcmp;
  if (!given_.method.empty()) {
    const auto method = parse_method(given_.method);
    if (!method) {
      return fail(ErrorCode::kInvalid, fmt::format("--method: \"{}\" is none of icmp, stamp, tcp, "
                                                   "quic",
                                                   given_.method));
    }
    order.method = *method;
  }
  order.count = given_.count != 0  ? given_.count
                : trace_->parsed() ? kAttempts
                : run_->parsed()   ? kStampPings
                                   : kPings;
  if (!given_.interval.empty()) {
    FAULTLINE_TRY(order.interval, duration(given_.interval, "--interval"));
  }
  if (!given_.timeout.empty()) {
    FAULTLINE_TRY(order.timeout, duration(given_.timeout, "--timeout"));
  }
  FAULTLINE_TRY(order.target.address, resolve(given_.target));
  order.target.port = given_.port;
  const bool any_port = capture_->parsed() && given_.source_port != 0;
  if (order.method == Method::kStamp && given_.port == 0 && !any_port)
    order.target.port = stamp::kDefaultPort;
  if (!given_.source.empty()) {
    const auto source = IpAddress::parse(given_.source);
    if (!source) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--source: \"{}\" is no address", given_.source));
    }
    order.source = *source;
  }
  FAULTLINE_TRY_STATUS(validate(order));
  return order;
}

int TestCommands::execute() const {
  const auto wanted = order();
  if (!wanted) {
    std::fprintf(stderr, "faultline-probe: %s\n", wanted.error().context.c_str());
    return kExitUsage;
  }
  stop_on_signals();
  const bool json = given_.output == "json";
  auto report = tester::run_test(
      *wanted, {.stop = interrupted().get_token(),
                .progress = [](std::string_view line) { fmt::print(stderr, "  {}\n", line); }});
  if (!report) {
    if (json) {
      const nlohmann::ordered_json error{{"schema", "faultline.error/1"},
                                         {"error", report.error().context}};
      fmt::print("{}\n", error.dump(2));
    }
    std::fprintf(stderr, "faultline-probe: %s\n", report.error().context.c_str());
    return kExitFailure;
  }
  if (!given_.write.empty()) {
    if (const auto written = write_capture(*report, given_.write); !written) {
      std::fprintf(stderr, "faultline-probe: %s\n", written.error().context.c_str());
      return kExitFailure;
    }
    report->erase("pcapng");
  }
  fmt::print("{}", json ? report->dump(2) + "\n" : ondemand::to_text(*report));
  return ondemand::exit_code(*report);
}

std::optional<int> TestCommands::run() const {
  for (const auto* command : {ping_, port_, mtu_, trace_, capture_, run_}) {
    if (command->parsed()) return execute();
  }
  return std::nullopt;
}

}  // namespace faultline::probe_app
