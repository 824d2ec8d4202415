#include "tests/support/catch.h"
#include "tests/unit/common/wire/codecs.h"

namespace faultline::tests {
namespace {

TEMPLATE_TEST_CASE("any value survives encoding and decoding unchanged", "[wire][property]",
                   ProbeCodec, ControllerCodec, PlanCodec, ReportCodec, MeshCodec) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    const auto value = TestType::random(rng);
    const auto decoded = TestType::decode(wire::encode(value));
    REQUIRE(decoded);
    REQUIRE(*decoded == value);
  }
}

TEMPLATE_TEST_CASE("decoding does not depend on the alignment of its input", "[wire]", ProbeCodec,
                   ControllerCodec, PlanCodec, ReportCodec, MeshCodec) {
  Rng rng(7);
  const auto value = TestType::random(rng);
  const auto bytes = wire::encode(value);
  for (std::size_t offset = 0; offset < 8; ++offset) {
    CAPTURE(offset);
    std::vector<std::byte> shifted(offset);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    const auto decoded = TestType::decode(std::span(shifted).subspan(offset));
    REQUIRE(decoded);
    REQUIRE(*decoded == value);
  }
}

Report report_of(std::size_t flow_count) {
  Report report;
  for (std::size_t i = 0; i < flow_count; ++i) {
    report.flows.push_back({.target = NodeId{static_cast<std::uint32_t>(1 + i / 16)},
                            .source_port = static_cast<std::uint16_t>(42000 + i % 16),
                            .sent = 10,
                            .rtt_min_ns = 100'000,
                            .rtt_mean_ns = 200'000,
                            .rtt_max_ns = 300'000});
  }
  return report;
}

TEST_CASE("columns of zeros cost nothing: a flow without loss takes about thirty bytes", "[wire]") {
  const auto healthy = wire::encode(report_of(512));
  CHECK(healthy.size() < 512 * 36);
  auto lossy = report_of(512);
  lossy.flows[3].lost_forward = 1;
  CHECK(wire::encode(lossy).size() >= healthy.size() + 512 * 4);
}

TEST_CASE("the largest report of flows and paths fits into a batch", "[wire]") {
  auto report = report_of(kReportFlowsMax);
  for (auto& flow : report.flows) {
    flow = {.target = flow.target,
            .source_port = flow.source_port,
            .sent = 9,
            .lost_forward = 1,
            .lost_return = 1,
            .lost_undetermined = 1,
            .duplicated = 1,
            .reordered = 1,
            .late = 1,
            .rtt_min_ns = 1,
            .rtt_mean_ns = 2,
            .rtt_max_ns = 3};
  }
  for (std::size_t i = 0; i < kReportPathsMax; ++i) {
    std::vector<Hop> hops(kPathHopsMax);
    for (std::size_t hop = 0; hop < hops.size(); ++hop) {
      hops[hop].address = IpAddress::v4(static_cast<std::uint32_t>(i % 64 * 64 + hop));
    }
    report.paths.push_back({.target = NodeId{1}, .source_port = 42000, .hops = std::move(hops)});
  }
  const auto bytes = wire::encode(report);
  CHECK(bytes.size() <= kBatchPayloadMax);
  CHECK(wire::decode_report(bytes) == report);
}

TEST_CASE("the sums of a report are those of its flows and delays", "[wire]") {
  Rng rng{41};
  for (int round = 0; round < 50; ++round) {
    const auto report = random_report(rng);
    std::map<NodeId, wire::TargetSum> wanted;
    for (const auto& flow : report.flows) {
      auto& sum = wanted[flow.target];
      ++sum.flow_windows;
      sum.sent += flow.sent;
      sum.lost_forward += flow.lost_forward;
      sum.lost_return += flow.lost_return;
      sum.lost_undetermined += flow.lost_undetermined;
    }
    for (const auto& delay : report.delays) wanted[delay.target].rtt.merge(delay.rtt);
    const auto sums = wire::decode_sums(wire::encode(report));
    REQUIRE(sums);
    for (const auto& piece : *sums) {
      auto& rest = wanted.at(piece.target);
      rest.flow_windows -= piece.flow_windows;
      rest.sent -= piece.sent;
      rest.lost_forward -= piece.lost_forward;
      rest.lost_return -= piece.lost_return;
      rest.lost_undetermined -= piece.lost_undetermined;
      if (piece.rtt.count() > 0) {
        CHECK(rest.rtt == piece.rtt);
        rest.rtt.clear();
      }
    }
    for (const auto& [target, rest] : wanted) {
      CHECK(rest.flow_windows + rest.sent + rest.lost_forward + rest.lost_return +
                rest.lost_undetermined + rest.rtt.count() ==
            0);
    }
  }
}

}  // namespace
}  // namespace faultline::tests
