#include <algorithm>

#include "controller/vpc/answer.h"
#include "controller/vpc/consistency.h"
#include "controller/vpc/importer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/vpc/cases.h"

namespace faultline::vpc::tests {
namespace {

std::string refusal(const std::string& text) {
  const std::vector<SourceFile> files{{"a.json", text}};
  const auto import = import_files(files);
  REQUIRE_FALSE(import);
  return import.error().context;
}

Import import_of(const std::vector<SourceFile>& files) {
  auto import = import_files(files);
  INFO((import ? std::string{} : import.error().context));
  REQUIRE(import);
  return *std::move(import);
}

}  // namespace

TEST_CASE("what is broken is refused by file, place and value", "[vpc]") {
  CHECK(refusal(R"({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0/16"}]})") ==
        "a.json: Vpcs[0].CidrBlock: \"10.0.0/16\" is not a prefix such as 10.0.0.0/16");
  CHECK(refusal(R"({"Subnets": [{"SubnetId": "subnet-1"}]})") ==
        "a.json: Subnets[0].VpcId: is missing");
  CHECK(refusal(R"({"Subnets": {"SubnetId": "subnet-1"}})") == "a.json: Subnets: is not a list");
  CHECK(refusal(R"({"Subnets": ["subnet-1"]})") == "a.json: Subnets[0]: is not an object");
  CHECK(refusal(R"({"NetworkAcls": [{"NetworkAclId": "acl-1", "Entries": [{"RuleNumber": 1,
      "Protocol": "6", "RuleAction": "permit", "CidrBlock": "0.0.0.0/0"}]}]})") ==
        "a.json: NetworkAcls[0].Entries[0].RuleAction: is neither allow nor deny");
  CHECK(refusal(R"({"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp",
      "FromPort": 90, "ToPort": 80, "IpRanges": []}]}]})") ==
        "a.json: SecurityGroups[0].IpPermissions[0].FromPort: is beyond the last port, or that is "
        "beyond 65535");
  CHECK(refusal(R"({"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": [
      {"GatewayId": "local"}]}]})") ==
        "a.json: RouteTables[0].Routes[0].DestinationCidrBlock: is missing");
}

TEST_CASE("a file that was cut off is named, with the place and what fetches it again", "[vpc]") {
  const auto cut = [](const std::string& key) { return refusal("{\n    \"" + key + "\": ["); };
  CHECK(cut("RouteTables") ==
        "a.json: the JSON breaks off at byte 22 (a download that was cut off?); fetch it again: "
        "aws ec2 describe-route-tables > a.json");
  CHECK(refusal(R"({"Vpcs": [}, {}]})") ==
        "a.json: broken JSON at byte 11 (was it edited?); fetch it again: aws ec2 describe-vpcs > "
        "a.json");
  const auto fetched_by = [&](const std::string& key, const std::string& command) {
    CAPTURE(key);
    CHECK_THAT(cut(key), Catch::EndsWith("fetch it again: aws ec2 " + command + " > a.json"));
  };
  fetched_by("Vpcs", "describe-vpcs");
  fetched_by("EgressOnlyInternetGateways", "describe-egress-only-internet-gateways");
  fetched_by("Reservations", "describe-instances");
  fetched_by("Entries", "get-managed-prefix-list-entries --prefix-list-id ID");
  fetched_by("Routes", "search-transit-gateway-routes --transit-gateway-route-table-id ID");
  CHECK_THAT(cut("Volumes"), Catch::EndsWith("fetch it again, or take it out of the folder"));
}

TEST_CASE("files that describe nothing are skipped and counted", "[vpc]") {
  const auto import = import_of({{"README.md", "# notes"},
                                 {"volumes.json", R"({"Volumes": []})"},
                                 {"empty", ""},
                                 {"vpcs.json", R"({"Vpcs": [{"VpcId": "vpc-1", "New": {}}]})"}});
  CHECK(import.report.files ==
        std::vector<ImportReport::File>{{"README.md", "", "not JSON"},
                                        {"empty", "", "not JSON"},
                                        {"volumes.json", "", "no description that is known"},
                                        {"vpcs.json", "networks", ""}});
  CHECK(import.report.skipped.at("files: not JSON") == 2);
  CHECK(import.model.networks.size() == 1);
}

TEST_CASE("the same element twice is counted, and noted if it differs", "[vpc]") {
  const std::string one = R"({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]})";
  const std::string other = R"({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.1.0.0/16"}]})";
  const auto same = import_of({{"a", one}, {"b", one}});
  CHECK(same.report.repeated == 1);
  CHECK(same.report.notes.empty());
  const auto differing = import_of({{"a", one}, {"b", other}});
  CHECK(differing.report.notes ==
        std::vector<std::string>{
            "vpc-1 is described twice and differently; the snapshot may mix two moments"});
  CHECK(differing.model == import_of({{"b", one}, {"a", other}}).model);
}

TEST_CASE("answers that do not say whose they are take it from a member or the name", "[vpc]") {
  const std::string tables =
      R"({"TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": "tgw-rtb-1",
          "TransitGatewayId": "tgw-1"}, {"TransitGatewayRouteTableId": "tgw-rtb-2",
          "TransitGatewayId": "tgw-1"}]})";
  const std::string route =
      R"("Routes": [{"DestinationCidrBlock": "10.0.0.0/8", "State": "active", "Type": "static"}])";
  const auto by_name = import_of({{"t", tables}, {"x-tgw-rtb-2.json", "{" + route + "}"}});
  CHECK(by_name.model.transit_tables.at("tgw-rtb-2").routes.size() == 1);
  const auto by_member = import_of(
      {{"t", tables}, {"r", R"({"TransitGatewayRouteTableId": "tgw-rtb-1", )" + route + "}"}});
  CHECK(by_member.model.transit_tables.at("tgw-rtb-1").routes_known);
  const auto by_nothing = import_of({{"t", tables}, {"r", "{" + route + "}"}});
  CHECK(by_nothing.report.skipped.at(
            "transit gateway routes that do not say of which route table") == 1);
  CHECK_FALSE(by_nothing.model.transit_tables.at("tgw-rtb-1").routes_known);
}

TEST_CASE("several answers in one list are read like several files", "[vpc]") {
  const auto import =
      import_of({{"all.json", R"([{"Vpcs": [{"VpcId": "vpc-1"}]}, {"Vpcs": [{"VpcId": "vpc-2"}]},
                       {"InternetGateways": [{"InternetGatewayId": "igw-1"}]}])"}});
  CHECK(import.model.networks.size() == 2);
  CHECK(import.report.files.front().what == "networks, internet gateways");
}

TEST_CASE("instances alone give their interfaces", "[vpc]") {
  auto files = load_world("office");
  const auto with = import_of(files);
  std::erase_if(files,
                [](const SourceFile& file) { return file.name == "network-interfaces.json"; });
  const auto without = import_of(files);
  const auto& interface = without.model.interfaces.at("eni-web");
  CHECK(interface == with.model.interfaces.at("eni-web"));
  CHECK(without.model.interfaces.size() == 6);
}

TEST_CASE("a world that fits together has no inconsistencies but those it was given", "[vpc]") {
  const auto office = find_inconsistencies(import_of(load_world("office")).model);
  CHECK(office == std::vector<Inconsistency>{{"vpn-office", "has 1 of its 2 tunnels down"}});
  auto files = load_world("office");
  std::erase_if(files, [](const SourceFile& file) { return file.name == "security-groups.json"; });
  const auto broken = find_inconsistencies(import_of(files).model);
  CHECK(broken.front() == Inconsistency{"eni-app",
                                        "names security group sg-app, and no security "
                                        "group was read at all"});
}

}  // namespace faultline::vpc::tests
