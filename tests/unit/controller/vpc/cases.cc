#include "tests/unit/controller/vpc/cases.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace faultline::vpc::tests {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// What the elements of each answer are called by.
const std::map<std::string, std::string>& id_keys() {
  static const std::map<std::string, std::string> kKeys{
      {"Vpcs", "VpcId"},
      {"Subnets", "SubnetId"},
      {"RouteTables", "RouteTableId"},
      {"SecurityGroups", "GroupId"},
      {"NetworkAcls", "NetworkAclId"},
      {"NetworkInterfaces", "NetworkInterfaceId"},
      {"Instances", "InstanceId"},
      {"NatGateways", "NatGatewayId"},
      {"InternetGateways", "InternetGatewayId"},
      {"VpnGateways", "VpnGatewayId"},
      {"VpnConnections", "VpnConnectionId"},
      {"VpcPeeringConnections", "VpcPeeringConnectionId"},
      {"TransitGateways", "TransitGatewayId"},
      {"TransitGatewayAttachments", "TransitGatewayAttachmentId"},
      {"TransitGatewayVpcAttachments", "TransitGatewayAttachmentId"},
      {"TransitGatewayRouteTables", "TransitGatewayRouteTableId"}};
  return kKeys;
}

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// How many elements of the document had that id.
int change(Json& document, const std::string& id, const Json& patch) {
  int changed = 0;
  for (auto& [key, list] : document.items()) {
    if (key == "Reservations") {
      for (auto& reservation : list) changed += change(reservation, id, patch);
    }
    const auto id_key = id_keys().find(key);
    if (id_key == id_keys().end()) continue;
    for (auto element = list.begin(); element != list.end();) {
      if (element->at(id_key->second) != id) {
        ++element;
        continue;
      }
      ++changed;
      if (patch.is_null()) {
        element = list.erase(element);
      } else {
        (element++)->merge_patch(patch);
      }
    }
  }
  return changed;
}

void apply(const Json& spec, std::vector<SourceFile>& files) {
  for (const auto& name : spec.value("drop", Json::array())) {
    const auto gone = std::erase_if(files, [&](const SourceFile& file) {
      return file.name == name.get<std::string>() + ".json";
    });
    if (gone != 1) throw std::runtime_error("no file " + name.get<std::string>());
  }
  const auto changes = spec.value("change", Json::object());
  for (const auto& [id, patch] : changes.items()) {
    int changed = 0;
    for (auto& file : files) {
      auto document = Json::parse(file.text);
      const auto here = change(document, id, patch);
      if (here > 0) file.text = document.dump();
      changed += here;
    }
    if (changed == 0) throw std::runtime_error("nothing is called " + id);
  }
  if (spec.contains("add")) files.push_back({"added.json", spec.at("add").dump()});
}

int protocol_number(const std::string& name) {
  if (name == "icmp") return kIcmp;
  return name == "udp" ? kUdp : kTcp;
}

PortRange range_of(const std::string& text) {
  const auto dash = text.find('-');
  return {static_cast<std::uint16_t>(std::stoi(text.substr(0, dash))),
          static_cast<std::uint16_t>(std::stoi(text.substr(dash + 1)))};
}

Case case_of(const std::string& area, const std::string& world, const Json& spec) {
  Case result{.area = area, .name = spec.at("name"), .files = load_world(world)};
  apply(spec, result.files);
  auto& question = result.question;
  question.from = spec.at("from");
  question.to = spec.at("to");
  question.protocol = protocol_number(spec.at("protocol"));
  question.port = spec.value("port", question.port);
  question.ipv6 = spec.value("ipv6", false);
  if (spec.contains("client_ports")) question.client_ports = range_of(spec.at("client_ports"));
  const auto& expect = spec.at("expect");
  result.expected = {.verdict = expect.at("verdict"),
                     .code = expect.value("code", ""),
                     .direction = expect.value("direction", ""),
                     .element = expect.value("element", ""),
                     .rule = expect.value("rule", "")};
  return result;
}

}  // namespace

std::vector<SourceFile> load_world(const std::string& name) {
  std::vector<SourceFile> files;
  for (const auto& entry : fs::directory_iterator(fs::path(VPC_DATA) / "worlds" / name)) {
    files.push_back({entry.path().filename().string(), slurp(entry.path())});
  }
  std::ranges::sort(files, {}, &SourceFile::name);
  return files;
}

std::vector<Case> load_cases() {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(fs::path(VPC_DATA) / "cases")) {
    const auto document = Json::parse(slurp(entry.path()));
    for (const auto& spec : document.at("cases")) {
      try {
        cases.push_back(case_of(entry.path().stem().string(), document.at("world"), spec));
      } catch (const std::exception& error) {
        throw std::runtime_error(spec.at("name").get<std::string>() + ": " + error.what());
      }
    }
  }
  return cases;
}

}  // namespace faultline::vpc::tests
