#include "controller/vpc/consistency.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "controller/vpc/index.h"

namespace faultline::vpc {
namespace {

class Findings {
 public:
  void add(const std::string& element, std::string sentence) {
    if (found_.size() < kInconsistenciesMax) found_.push_back({element, std::move(sentence)});
  }
  // Where nothing of that kind was read at all, one sentence is enough.
  template <typename T>
  void expect(const ById<T>& table, const char* what, const std::string& element,
              const std::string& id) {
    if (id.empty() || table.contains(id)) return;
    const auto key = std::string{table.empty() ? "no " : ""} + what;
    if (table.empty()) {
      if (std::ranges::find(missing_, key) != missing_.end()) return;
      missing_.push_back(key);
      return add(element, fmt::format("names {} {}, and no {} was read at all", what, id, what));
    }
    add(element, fmt::format("names {} {}, which is not in the snapshot", what, id));
  }
  [[nodiscard]] std::vector<Inconsistency> take() { return std::move(found_); }

 private:
  std::vector<Inconsistency> found_;
  std::vector<std::string> missing_;
};

void check_interfaces(const Model& model, Findings& findings) {
  for (const auto& [id, subnet] : model.subnets) {
    findings.expect(model.networks, "network", id, subnet.network);
    if (table_of_subnet(model, id) == nullptr) {
      findings.add(id, "has no route table in the snapshot");
    }
    if (list_of_subnet(model, id) == nullptr)
      findings.add(id, "has no network ACL in the snapshot");
  }
  std::map<std::pair<std::string, IpAddress>, std::string> owners;
  for (const auto& [id, interface] : model.interfaces) {
    findings.expect(model.subnets, "subnet", id, interface.subnet);
    for (const auto& group : interface.groups) {
      findings.expect(model.groups, "security group", id, group);
    }
    for (const auto& own : interface.addresses) {
      const auto* other = interface_at(model, interface.network, own.address);
      if (other->first < id) {
        findings.add(
            id, fmt::format("has {}, and {} has it, too", own.address.to_string(), other->first));
      }
    }
  }
}

void check_routes(const Model& model, Findings& findings) {
  for (const auto& [id, table] : model.route_tables) {
    for (const auto& route : table.routes) {
      const auto where = route.destination ? route.destination->to_string() : route.prefix_list;
      if (route.blackhole) {
        findings.add(id, fmt::format("route {} -> {} is a black hole", where, route.target));
      }
      if (!route.destination) findings.expect(model.prefix_lists, "prefix list", id, where);
      switch (route.kind) {
        case TargetKind::kNatGateway:
          findings.expect(model.nat_gateways, "NAT gateway", id, route.target);
          break;
        case TargetKind::kTransitGateway:
          findings.expect(model.transit_gateways, "transit gateway", id, route.target);
          break;
        case TargetKind::kPeering:
          findings.expect(model.peerings, "peering connection", id, route.target);
          break;
        case TargetKind::kInterface:
          findings.expect(model.interfaces, "network interface", id, route.target);
          break;
        case TargetKind::kInternetGateway:
        case TargetKind::kVirtualGateway:
        case TargetKind::kEgressOnlyGateway:
          findings.expect(model.gateways, "gateway", id, route.target);
          break;
        default:
          break;
      }
    }
  }
}

void check_lists(const Model& model, Findings& findings) {
  for (const auto& [id, group] : model.groups) {
    for (const auto* rules : {&group.inbound, &group.outbound}) {
      for (const auto& rule : *rules) {
        findings.expect(model.prefix_lists, "prefix list", id, rule.prefix_list);
      }
    }
  }
  for (const auto& [id, list] : model.prefix_lists) {
    if (!list.entries_known) findings.add(id, "is a prefix list whose entries were not read");
  }
}

void check_transit(const Model& model, Findings& findings) {
  for (const auto& [id, nat] : model.nat_gateways) {
    if (nat.state != "available") findings.add(id, "is a NAT gateway that is " + nat.state);
  }
  for (const auto& [id, attachment] : model.attachments) {
    findings.expect(model.transit_tables, "transit gateway route table", id, attachment.table);
    if (attachment.table.empty()) findings.add(id, "is associated with no route table");
  }
  for (const auto& [id, table] : model.transit_tables) {
    if (!table.routes_known) findings.add(id, "is a route table whose routes were not read");
  }
  for (const auto& [id, vpn] : model.vpn_connections) {
    const auto down = std::ranges::count(vpn.tunnels, false, &Tunnel::up);
    if (down == 0) continue;
    findings.add(id, fmt::format("has {} of its {} tunnels down", down, vpn.tunnels.size()));
  }
}

void check_overlaps(const Model& model, Findings& findings) {
  for (const auto& [id, peering] : model.peerings) {
    for (const auto& own : peering.requester.prefixes) {
      for (const auto& other : peering.accepter.prefixes) {
        if (!own.overlaps(other)) continue;
        findings.add(id, fmt::format("connects networks that overlap: {} and {}", own.to_string(),
                                     other.to_string()));
      }
    }
  }
}

}  // namespace

std::vector<Inconsistency> find_inconsistencies(const Model& model) {
  Findings findings;
  check_interfaces(model, findings);
  check_routes(model, findings);
  check_lists(model, findings);
  check_transit(model, findings);
  check_overlaps(model, findings);
  return findings.take();
}

}  // namespace faultline::vpc
