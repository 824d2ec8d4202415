#include "controller/topology/ansible.h"

#include <fmt/format.h>

#include "tests/support/catch.h"

namespace faultline::topology {
namespace {

// "name kind tier address" lines, then those without an address; or the error.
std::string told(std::string_view text) {
  const auto read = read_ansible(text, "hosts");
  if (!read) return read.error().context;
  std::string result;
  for (const auto& device : read->inventory.devices) {
    result += fmt::format("{} {} {} {}\n", device.name, to_string(device.kind), device.tier,
                          device.interfaces.at(0).address.to_string());
  }
  for (const auto& name : read->without) result += name + "?\n";
  return result;
}

TEST_CASE("an INI inventory gives its hosts with what their groups say", "[topology]") {
  CHECK(told("# of the lab\n"
             "10.0.0.9\n"
             "[web]\n"
             "web[01:03:2] ansible_host=10.0.1.1   # both\n") ==
        "hosts: web01 and web03 both have the address 10.0.1.1");
  CHECK(told("10.0.0.9\n"
             "[web]\n"
             "a ansible_host=10.0.1.1\n"
             "b ansible_host=\"10.0.1.2\" faultline_kind=vm\n"
             "nobody\n"
             "[leaves]\n"
             "leaf[a:b]\n"
             "leafa ansible_host=10.0.2.1\n"
             "leafb ansible_host=10.0.2.2\n"
             "[leaves:vars]\n"
             "faultline_kind = switch\n"
             "[fabric:children]\n"
             "leaves\n"
             "[fabric:vars]\n"
             "faultline_kind=router\n"
             "faultline_tier=leaf tier\n") ==
        "10.0.0.9 host  10.0.0.9\n"
        "a host web 10.0.1.1\n"
        "b vm web 10.0.1.2\n"
        "leafa switch leaf tier 10.0.2.1\n"
        "leafb switch leaf tier 10.0.2.2\n"
        "nobody?\n");
}

TEST_CASE("a YAML inventory gives the same", "[topology]") {
  CHECK(told("---\n"
             "all:\n"
             "  vars: {faultline_tier: everywhere}\n"
             "  hosts:\n"
             "    mail.example.com: {ansible_host: 10.0.0.5}\n"
             "  children:\n"
             "    web:\n"
             "      hosts:\n"
             "        web[1:2]:\n"
             "        web1: {ansible_host: 10.0.1.1}\n"
             "        web2: {ansible_host: 'fd00::2'}\n"
             "      vars: {faultline_kind: vm}\n") ==
        "mail.example.com host everywhere 10.0.0.5\n"
        "web1 vm everywhere 10.0.1.1\n"
        "web2 vm everywhere fd00::2\n");
}

TEST_CASE("what is no Ansible inventory is refused with a sentence", "[topology]") {
  CHECK(told("") == "hosts: lists no hosts");
  CHECK(told("[web\nx") == "hosts:1: a group's head is written [NAME]");
  CHECK(told("[web:hosts]\nx") == "hosts:1: [web:hosts]: after the colon comes vars or children");
  CHECK(told("web[3:1]") == "hosts:1: \"web[3:1]\" is no range such as web[01:20]");
  CHECK(told("web[1:999999] x=1") == "hosts:1: \"web[1:999999]\" is no range such as web[01:20]");
  CHECK(told("a b") == "hosts:1: \"b\" is no NAME=VALUE");
  CHECK(told("a ansible_host=10.0.0.1 faultline_kind=toaster") ==
        "hosts: a: faultline_kind \"toaster\" is no kind of device");
  CHECK(told("all:\n  hosts: [\n").starts_with("hosts:"));
}

TEST_CASE("the inventory is written as topology.yaml has it", "[topology]") {
  CHECK(to_yaml({{{.name = "leaf1",
                   .kind = DeviceKind::kSwitch,
                   .tier = "a \"b\"",
                   .interfaces = {{"up1", IpAddress::v4(0x0a000001), "spine1", "down1"}}},
                  {.name = "h1", .kind = DeviceKind::kHost}}}) ==
        "devices:\n"
        "  - name: \"leaf1\"\n"
        "    kind: switch\n"
        "    tier: \"a \\\"b\\\"\"\n"
        "    interfaces:\n"
        "      - {name: \"up1\", address: \"10.0.0.1\", peer: \"spine1/down1\"}\n"
        "  - name: \"h1\"\n"
        "    kind: host\n");
}

}  // namespace
}  // namespace faultline::topology
