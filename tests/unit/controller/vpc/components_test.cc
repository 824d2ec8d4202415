#include "controller/vpc/components.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/controller/vpc/cases.h"

namespace faultline::vpc::tests {
namespace {

Model model_of(const char* world) {
  auto import = import_files(load_world(world));
  REQUIRE(import);
  return std::move(import->model);
}

std::vector<std::string> path(const Model& model, const Question& question, Direction direction) {
  const auto answer = reach(model, question);
  REQUIRE(answer);
  return components_on_path(model, *answer, direction);
}

}  // namespace

TEST_CASE("gateways, tunnels, zones and machines are components with memberships", "[vpc]") {
  const auto components = components_of(model_of("office"));
  const auto find_one = [&](const std::string& id) {
    const auto found = std::ranges::find(components, id, &Component::id);
    REQUIRE(found != components.end());
    return *found;
  };
  CHECK(find_one("nat-main") == Component{.id = "nat-main",
                                          .name = "main",
                                          .kind = ComponentKind::kGateway,
                                          .addresses = {*IpAddress::parse("10.0.0.5")},
                                          .within = {"us-east-1a"}});
  CHECK(find_one("vpn-office/203.0.113.10") ==
        Component{.id = "vpn-office/203.0.113.10",
                  .name = "office",
                  .kind = ComponentKind::kTunnel,
                  .addresses = {*IpAddress::parse("203.0.113.10")},
                  .within = {"vgw-main"}});
  CHECK(find_one("us-east-1b").kind == ComponentKind::kZone);
  CHECK(find_one("i-db").within == std::vector<std::string>{"us-east-1b"});
  CHECK(std::ranges::is_sorted(components, {}, &Component::id));
}

TEST_CASE("a conversation crosses the gateways and the tunnels that are up", "[vpc]") {
  const auto office = model_of("office");
  const Question out{.from = "app", .to = "8.8.8.8"};
  CHECK(path(office, out, Direction::kForward) == std::vector<std::string>{"nat-main", "igw-main"});
  CHECK(path(office, out, Direction::kReturn) == std::vector<std::string>{"igw-main", "nat-main"});
  const Question to_office{.from = "app", .to = "192.168.10.5", .port = 22};
  CHECK(path(office, to_office, Direction::kForward) ==
        std::vector<std::string>{"vpn-office/203.0.113.10"});
  CHECK(path(model_of("hub"), {.from = "red", .to = "192.168.1.1"}, Direction::kForward) ==
        std::vector<std::string>{"tgw-main", "vpn-office/203.0.113.10", "vpn-office/203.0.113.11"});
}

}  // namespace faultline::vpc::tests
