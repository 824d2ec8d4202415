// AppBackend's tests that operators order from nodes.
#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "common/crypto/random.h"
#include "common/ondemand/order_json.h"
#include "controller/app/backend.h"
#include "controller/app/diagnose_queries.h"
#include "controller/app/facts_store.h"

namespace faultline::app {
namespace {

using Json = nlohmann::json;

constexpr std::uint16_t kReflectorPort = 862;
constexpr std::uint32_t kTraceCount = 3;
// A node gets two tests at once, and does them one after the other.
constexpr Duration kWaitingMax = std::chrono::seconds{30};
// That somebody waits for a watched test is told the loop so often, of core::kTestUnwatchedMax.
constexpr Duration kLookNoted = std::chrono::seconds{2};

std::uint16_t reflector_port_of(const Snapshot& snapshot, NodeId node) {
  if (!snapshot.members) return kReflectorPort;
  const auto found = std::ranges::find(*snapshot.members, node, &plan::FleetMember::id);
  return found == snapshot.members->end() ? kReflectorPort : found->profile.reflector_port;
}

// Of the interface that has the address; 0: not known.
std::uint16_t mtu_of(const facts::Facts& facts, const IpAddress& address) {
  if (!facts.addresses || !facts.interfaces) return 0;
  for (const auto& item : facts.addresses->items) {
    if (item.prefix.address != address) continue;
    for (const auto& interface : facts.interfaces->items) {
      if (interface.name != item.interface) continue;
      return static_cast<std::uint16_t>(std::min<std::uint32_t>(interface.mtu, ondemand::kSizeMax));
    }
  }
  return 0;
}

std::string word(const Json& order, const char* member) {
  const auto found = order.find(member);
  return found != order.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void put_default(Json& order, const char* member, Json value) {
  if (!order.contains(member)) order[member] = std::move(value);
}

std::string hex(std::uint64_t number) { return fmt::format("{:016x}", number); }

std::optional<std::uint64_t> number_of(std::string_view id) {
  std::uint64_t number = 0;
  const auto* end = id.data() + id.size();
  const auto [stop, error] = std::from_chars(id.data(), end, number, 16);
  return error == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}

// From which source ports one measures the other, by the plan in force.
std::set<std::uint16_t> flow_ports(const Snapshot& snapshot, NodeId from, NodeId to) {
  std::set<std::uint16_t> ports;
  if (!snapshot.plans) return ports;
  const auto plan = std::ranges::find(snapshot.plans->plans, from, &Plan::node);
  if (plan == snapshot.plans->plans.end()) return ports;
  for (const auto& flow : plan->flows) {
    if (plan->peers.at(flow.peer).node == to) ports.insert(flow.source_port);
  }
  return ports;
}

api::TestState state_of(TestState state) {
  switch (state) {
    case TestState::kRunning:
      return api::TestState::kRunning;
    case TestState::kDone:
      return api::TestState::kDone;
    case TestState::kRefused:
      break;
  }
  return api::TestState::kFailed;
}

}  // namespace

// Fills in what the operator need not know: addresses, ports, and the kind's usual numbers.
Result<ondemand::TestOrder> AppBackend::complete_order(const Snapshot& snapshot,
                                                       const api::NodeView& node,
                                                       nlohmann::json order) const {
  const auto target = word(order, "target");
  const auto* to = DiagnoseQueries::find_end(snapshot, target);
  const auto address = IpAddress::parse(to == nullptr ? target : to->address);
  if (!address) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no node \"{}\", and it is no address; `faultline node list` "
                            "shows all",
                            target));
  }
  order["target"] = address->to_string();
  const auto source = IpAddress::parse(node.address);
  if (source && source->is_v4() == address->is_v4()) put_default(order, "source", node.address);
  const auto kind = word(order, "kind");
  put_default(order, "method",
              kind == "port"                         ? "tcp"
              : kind == "trace" || kind == "capture" ? "stamp"
                                                     : "icmp");
  if (kind == "trace") put_default(order, "count", kTraceCount);
  if (word(order, "method") == "stamp") {
    put_default(order, "port",
                to == nullptr ? kReflectorPort : reflector_port_of(snapshot, NodeId{to->id}));
  }
  if (kind == "mtu" && to != nullptr) {
    const auto stored = load_facts(store_.ledger(), NodeId{to->id}, std::nullopt);
    if (stored) put_default(order, "far_mtu", mtu_of(stored->facts, *address));
  }
  FAULTLINE_TRY(const auto read, ondemand::order_from_json(order.dump()));
  if (read.kind == ondemand::TestKind::kCapture) {
    FAULTLINE_TRY_STATUS(check_capture(snapshot, node, to, read));
  }
  return read;
}

// Nothing of other programs is anybody's to record from here, and of a flow that there is not
// nothing would be seen.
Status AppBackend::check_capture(const Snapshot& snapshot, const api::NodeView& node,
                                 const api::NodeView* to, const ondemand::TestOrder& order) const {
  if (to == &node) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{} sends no packets to itself: name two nodes", node.name));
  }
  const bool asks =
      to != nullptr && order.target.port == reflector_port_of(snapshot, NodeId{to->id});
  const bool answers =
      to != nullptr && order.source_port == reflector_port_of(snapshot, NodeId{node.id});
  if (!asks && !answers) {
    return fail(ErrorCode::kDenied,
                "only the probes' own packets are captured: between two nodes, to or from the "
                "port where one of them answers");
  }
  const auto flow = asks ? order.source_port : order.target.port;
  if (flow == 0) return {};
  const auto& sender = asks ? node : *to;
  const auto& reflector = asks ? *to : node;
  const auto ports = flow_ports(snapshot, NodeId{sender.id}, NodeId{reflector.id});
  if (ports.contains(flow)) return {};
  return fail(
      ErrorCode::kInvalid,
      fmt::format("no flow from {} to {} has the source port {}; {}", sender.name, reflector.name,
                  flow,
                  ports.empty() ? std::string("none is planned between them")
                                : fmt::format("its flows have {}", fmt::join(ports, ", "))));
}

Result<std::uint64_t> AppBackend::begin_test(std::string_view node, const std::string& body,
                                             bool watched) const {
  const auto snapshot = snapshots_.snapshot();
  const auto found = std::ranges::find(snapshot->nodes, node, &api::NodeView::name);
  if (found == snapshot->nodes.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no node {}", node));
  }
  auto json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::kInvalid, "the body must be a JSON object");
  const auto target = word(json, "target");
  FAULTLINE_TRY(const auto order, complete_order(*snapshot, *found, std::move(json)));
  std::uint64_t number = crypto::random_u64();
  number += number == 0 ? 1 : 0;
  const auto* to = DiagnoseQueries::find_end(*snapshot, target);
  const bool admits = order.method == ondemand::Method::kStamp && to != nullptr && to != &*found &&
                      order.kind != ondemand::TestKind::kCapture;
  core::TestOrders::Request request{.request = {.test = number,
                                                .lease = ondemand::life_of(order) + kWaitingMax,
                                                .order = ondemand::to_json_text(order)},
                                    .node = std::string(node),
                                    .target = target,
                                    .watched = watched};
  const auto source = order.source.is_unspecified() ? IpAddress::parse(found->address)
                                                    : std::optional(order.source);
  if (admits && source) {
    request.admitting = to->name;
    request.reflector = {*source, reflector_port_of(*snapshot, NodeId{found->id})};
  }
  FAULTLINE_TRY_STATUS(change([request](std::uint64_t reply) -> core::Event {
    return core::OrderTest{.request = reply, .order = request};
  }));
  return number;
}

Result<api::OrderedTestView> AppBackend::order_test(std::string_view node, const std::string& body,
                                                    bool watched) {
  FAULTLINE_TRY(const auto number, begin_test(node, body, watched));
  return ordered_test(hex(number));
}

Result<api::OrderedTestView> AppBackend::end_test(std::string_view id) {
  const auto number = number_of(id);
  if (!number) return fail(ErrorCode::kNotFound, fmt::format("there is no test {}", id));
  FAULTLINE_TRY_STATUS(change([number](std::uint64_t reply) -> core::Event {
    return core::EndTest{.request = reply, .test = *number, .why = "ended by an operator"};
  }));
  return ordered_test(id);
}

Result<api::OrderedTestView> AppBackend::ordered_test(std::string_view id) const {
  const auto number = number_of(id);
  const auto snapshot = snapshots_.snapshot();
  const auto found = number ? snapshot->tests.find(*number) : snapshot->tests.end();
  if (found == snapshot->tests.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no test {}", id));
  }
  const auto& test = found->second;
  const bool lasts = test.state == TestState::kRunning;
  if (test.watched && lasts && async::now_instant() - test.looked_at >= kLookNoted) {
    // Whether it is noted is not waited for: this is asked several times a second.
    (void)change_([number](std::uint64_t reply) -> core::Event {
      return core::LookAtTest{.request = reply, .test = *number};
    });
  }
  return api::OrderedTestView{.id = hex(*number),
                              .node = test.node_name,
                              .target = test.target,
                              .ordered_at = test.ordered_at,
                              .state = state_of(test.state),
                              .text = test.text,
                              .remark = test.remark,
                              .report = test.report};
}

}  // namespace faultline::app
