// Snapshots that use every member, and ones at their bounds.
#pragma once

#include "common/facts/facts.h"

namespace faultline::tests {

[[nodiscard]] inline facts::Interface sample_interface(std::uint32_t index) {
  return {.index = index,
          .name = "eth" + std::to_string(index),
          .kind = "vxlan",
          .driver = "virtio_net",
          .bus = "virtio0",
          .speed_mbps = 10'000,
          .duplex = "full",
          .mtu = 1450,
          .up = true,
          .carrier = true,
          .state = "up",
          .mac = "52:54:00:12:34:56",
          .permanent_mac = "52:54:00:12:34:57",
          .master = "br0",
          .lower = "eth0",
          .peer_elsewhere = true,
          .mode = "bridge",
          .vlan = std::uint16_t{100},
          .vxlan = facts::Vxlan{.vni = 42,
                                .underlay = "eth0",
                                .local = IpAddress::v4(0x0a000001),
                                .remote = IpAddress::v4(0x0a000002),
                                .port = 4789,
                                .learning = true},
          .offloads = {{"tso", true}, {"gro", false}},
          .counters = facts::Counters{.rx_packets = 1, .rx_errors = 2, .collisions = 3},
          .carrier_changes = 4U,
          .rp_filter = 1,
          .forwarding = 0};
}

[[nodiscard]] inline facts::Facts sample_facts() {
  const auto v4 = IpAddress::v4(0x0a000001);
  const auto v6 = *IpAddress::parse("2001:db8::1");
  facts::Facts result{
      .collected_at = wall_time_from_unix_seconds(1'764'000'000),
      .host_name = "h1",
      .machine = {.hypervisor = "kvm", .container = "none", .vendor = "QEMU"},
      .hints = {{"nat", "eth0 has 10.0.2.15"}},
      .cpu = facts::CpuTime{.total = 100, .idle = 50, .steal = 3},
      .clock = facts::ClockState{.synchronized = true, .offset_us = -7, .max_error_us = 9}};
  result.interfaces = {{sample_interface(1)}, 1};
  result.addresses = {{{.interface = "eth0",
                        .prefix = {v6, 64},
                        .scope = "global",
                        .origin = "ra",
                        .valid_seconds = 86'400U,
                        .eui64 = true,
                        .temporary = true,
                        .tentative = true,
                        .dad_failed = true,
                        .deprecated = true}},
                      1};
  result.routes = {{{.table = 0,
                     .type = "unicast",
                     .destination = {v4, 8},
                     .next_hops = {{.gateway = v6, .interface = "eth0", .weight = 0, .dead = true}},
                     .source = v4,
                     .metric = 10,
                     .protocol = "dhcp",
                     .mtu = 1400U}},
                   900'000};
  result.rules = {{{.priority = 5,
                    .action = "to_table",
                    .table = 100,
                    .from = facts::Prefix{v4, 32},
                    .to = facts::Prefix{v4, 0},
                    .input = "eth0",
                    .output = "eth1",
                    .mark = 7U,
                    .v6 = true}},
                  1};
  result.neighbors = {{{.address = v4,
                        .interface = "eth0",
                        .mac = "aa:bb:cc:dd:ee:ff",
                        .state = "stale",
                        .router = true}},
                      1};
  result.bridge_entries = {{{"br0", "tap3", "aa:bb:cc:dd:ee:01"}}, 1};
  result.listeners = {{{"udp", v4, 862}}, 1};
  result.firewall = facts::Firewall{
      .chains = {{"nftables", "inet", "filter", "input", "input", "drop", 2}},
      .rules =
          {{{"nftables", "inet", "filter", "input", "accept", "udp", {"862"}, {"ct state"}, 12}},
           1},
      .translations = {{{.source = "nftables",
                         .family = "ip",
                         .table = "nat",
                         .chain = "pre",
                         .verdict = "dnat",
                         .to = "10.0.0.5:80"}},
                       1}};
  result.lldp = {{{"eth0", "switch1", "Eth1/4", "to h1", {10, 20}, std::uint16_t{10}, 9216U}}};
  result.sysctls = {{"net.ipv4.ip_forward", 1}, {"negative", -1}};
  result.unknown = {{"dmi", "not readable"}};
  return result;
}

}  // namespace faultline::tests
