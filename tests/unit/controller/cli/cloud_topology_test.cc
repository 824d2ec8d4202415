#include "controller/cli/cloud_topology.h"

#include <algorithm>

#include "controller/cli/topology_document.h"
#include "controller/cli/vpc_offline.h"
#include "controller/localize/localizer.h"
#include "controller/topology/topology.h"
#include "tests/support/catch.h"

namespace faultline::cli {
namespace {

using Names = std::vector<std::string>;

// A world of controller/vpc's tests in which security groups admit measurements.
vpc::Model open_world(const char* world) {
  auto import = import_cloud(std::string(CLOUD_WORLDS) + "/" + world);
  REQUIRE(import);
  for (auto& [id, group] : import->model.groups) {
    group.inbound = {{.prefix = vpc::Prefix::parse("0.0.0.0/0")}};
    group.outbound = group.inbound;
  }
  return std::move(import->model);
}

const topology::Way* way(const CloudTopology& made, const char* from, const char* to) {
  const auto found = std::ranges::find_if(made.inventory.ways, [&](const topology::Way& each) {
    return each.from.to_string() == from && each.to.contains(*IpAddress::parse(to));
  });
  return found == made.inventory.ways.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("machines of two networks meet through the transit gateway, a site through its tunnels",
          "[cli][topology]") {
  const auto made = cloud_topology(open_world("hub"));
  const auto* across = way(made, "10.1.1.10", "10.2.1.10");
  const auto* out = way(made, "10.1.1.10", "192.168.1.1");
  REQUIRE(out != nullptr);
  CHECK(out->via == Names{"tgw-main", "vpn-office_203.0.113.10", "vpn-office_203.0.113.11"});
  if (across != nullptr) CHECK(across->via.front() == "tgw-main");
  for (const auto& each : made.inventory.ways) {
    for (const auto& device : each.via) {
      const auto& devices = made.inventory.devices;
      CHECK(std::ranges::find(devices, device, &topology::Device::name) != devices.end());
    }
  }
}

// What the controller does with it: paths that no trace shows are resolved by the ways, and the
// localizer is told of them.
TEST_CASE("a tunnel that loses packets is the suspect, though no trace shows it",
          "[cli][topology]") {
  const auto made = cloud_topology(open_world("office"));
  topology::Topology topology(made.inventory);
  const std::vector<std::pair<std::string, std::string>> nodes{
      {"web", "10.0.0.10"}, {"app", "10.0.1.10"},     {"app2", "10.0.1.11"},
      {"db", "10.0.2.10"},  {"desk", "192.168.10.5"}, {"printer", "192.168.10.6"}};
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    topology.set_node(NodeId{i + 1}, nodes[i].first, NodeKind::kVm,
                      *IpAddress::parse(nodes[i].second));
  }
  topology.settle();
  localize::ObservationSet set;
  std::uint32_t crossing = 0;
  for (std::uint32_t from = 1; from <= nodes.size(); ++from) {
    for (std::uint32_t to = 1; to <= nodes.size(); ++to) {
      if (from == to) continue;
      const auto path = topology.resolve(NodeId{from}, {.target = NodeId{to}, .complete = true});
      std::vector<localize::DeviceIndex> hops;
      bool tunnel = false;
      for (const auto& device : path.devices) {
        const bool is_tunnel = device.starts_with("vpn-");
        tunnel = tunnel || is_tunnel;
        hops.push_back(set.device(
            device, is_tunnel ? localize::DeviceKind::kTunnel : localize::DeviceKind::kUnknown));
      }
      crossing += tunnel ? 1 : 0;
      localize::Observation row{.src = hops.front(), .dst = hops.back()};
      row.forward = set.route(set.path(hops));
      row.flow = set.flow(path.devices.front() + path.devices.back());
      row.sent = 200;
      row.lost = tunnel ? 12 : 0;
      REQUIRE(set.add(row));
    }
  }
  REQUIRE(crossing > 0);
  const auto verdict = localize::localize(set, {});
  REQUIRE_FALSE(verdict.suspects.empty());
  const auto& suspect = verdict.suspects.front();
  CAPTURE(suspect.id);
  CHECK(suspect.kind == localize::SuspectKind::kTunnel);
  CHECK(suspect.id == "vpn-office_203.0.113.10");
}

TEST_CASE("a snapshot becomes a topology.yaml with devices and ways", "[cli][topology]") {
  const auto yaml = import_snapshot(std::string(CLOUD_WORLDS) + "/office");
  REQUIRE(yaml);
  CHECK(yaml->starts_with("devices:\n"));
  CHECK_FALSE(import_snapshot("/nowhere"));
}

}  // namespace faultline::cli
