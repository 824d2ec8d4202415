// A snapshot file, a difference, and the output of the programs that the collector runs.
#include <string_view>

#include "common/base/check.h"
#include "common/facts/difference.h"
#include "common/facts/facts_json.h"
#include "probe/facts/firewall.h"
#include "probe/facts/lldp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/common/facts/samples.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace faultline;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto read = facts::from_text(input)) {
    const auto text = facts::to_text(*read);
    const auto again = facts::from_text(text);
    FAULTLINE_CHECK(again && facts::to_text(*again) == text,
                    "a snapshot does not survive a round trip");
  }
  static_cast<void>(facts::apply_difference(tests::sample_facts(), input));
  static_cast<void>(probe_facts::parse_lldp(input));
  facts::Firewall firewall;
  static_cast<void>(probe_facts::read_nftables(input, firewall));
  static_cast<void>(probe_facts::read_iptables(input, "iptables", firewall));
  FAULTLINE_CHECK(firewall.rules.items.size() <= facts::kFirewallRulesMax,
                  "more rules than the bound");
  return 0;
}

std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  const auto seed = [](std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return Bytes(bytes.begin(), bytes.end());
  };
  const auto before = tests::sample_facts();
  auto after = before;
  after.interfaces->items[0].mtu = 9000;
  after.firewall.reset();
  return {
      seed(facts::to_json(before).dump()), seed(facts::difference(before, after)),
      seed(
          R"({"lldp":{"interface":[{"eth0":{"chassis":{"a":{}},"port":{"id":{"value":"7"}},"vlan":{"vlan-id":"10"}}}]}})"),
      seed(
          R"({"nftables":[{"chain":{"family":"ip","table":"t","name":"c","hook":"input","policy":"drop"}},)"
          R"({"rule":{"family":"ip","table":"t","chain":"c","expr":[{"match":{"op":"==","left":{"payload":)"
          R"({"protocol":"udp","field":"dport"}},"right":{"range":[1,2]}}},{"drop":null}]}}]})"),
      seed("*filter\n:INPUT DROP [0:0]\n[1:2] -A INPUT -p udp -m multiport --dports 1,2:3 -j "
           "DROP\nCOMMIT\n")};
}
