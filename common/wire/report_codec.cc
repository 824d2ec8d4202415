#include "common/wire/report_codec.h"

#include "common/model/control.h"
#include "common/wire/fields.h"
#include "common/wire/message.h"
#include "common/wire/report_tables.h"

namespace faultline::wire {
namespace {

constexpr Duration kWindowMin = std::chrono::seconds{1};
constexpr Duration kWindowMax = std::chrono::seconds{60};

void write_health(schema::ProberHealth::Builder builder, const ProberHealth& health) {
  builder.setLatenessMaxNs(health.lateness_max_ns);
  builder.setReceiveDrops(health.receive_drops);
  builder.setSendFailures(health.send_failures);
  builder.setBudgetDeferred(health.budget_deferred);
  builder.setRepliesUnmatched(health.replies_unmatched);
  builder.setReflectorRefused(health.reflector_refused);
  builder.setSoftnetDrops(health.softnet_drops);
  builder.setThrottledNs(health.throttled_ns);
  builder.setStolenNs(health.stolen_ns);
  builder.setProcessorNs(health.processor_ns);
  builder.setClockSync(static_cast<std::uint8_t>(health.clock));
  builder.setClockStepNs(health.clock_step_ns);
  builder.setClockOffsetNs(health.clock_offset_ns);
}

ClockSync read_clock_sync(std::uint8_t value) {
  return value <= static_cast<std::uint8_t>(ClockSync::kFree) ? static_cast<ClockSync>(value)
                                                              : ClockSync::kUnknown;
}

ProberHealth read_health(schema::ProberHealth::Reader reader) {
  return {.lateness_max_ns = reader.getLatenessMaxNs(),
          .receive_drops = reader.getReceiveDrops(),
          .send_failures = reader.getSendFailures(),
          .budget_deferred = reader.getBudgetDeferred(),
          .replies_unmatched = reader.getRepliesUnmatched(),
          .reflector_refused = reader.getReflectorRefused(),
          .softnet_drops = reader.getSoftnetDrops(),
          .throttled_ns = reader.getThrottledNs(),
          .stolen_ns = reader.getStolenNs(),
          .processor_ns = reader.getProcessorNs(),
          .clock = read_clock_sync(reader.getClockSync()),
          .clock_step_ns = reader.getClockStepNs(),
          .clock_offset_ns = reader.getClockOffsetNs()};
}

Result<Report> read_report(schema::Report::Reader reader, std::optional<NodeId> target) {
  Report report;
  report.plan = PlanRevision{reader.getPlanRevision()};
  FAULTLINE_TRY(report.window,
                read_duration("window", reader.getWindowNs(), kWindowMin, kWindowMax));
  FAULTLINE_TRY(report.window_start, read_time("window start", reader.getWindowStart()));
  if (reader.getWindowStart() % report.window.count() != 0) {
    return fail(ErrorCode::kInvalid, "the window does not start at a multiple of its length");
  }
  report.health = read_health(reader.getHealth());
  FAULTLINE_TRY(report.flows, read_flows(reader.getFlows(), target));
  FAULTLINE_TRY(report.delays, read_delays(reader.getDelays(), target));
  if (!target) {
    FAULTLINE_TRY(report.paths, read_paths(reader.getPaths()));
  }
  return report;
}

}  // namespace

std::vector<std::byte> encode(const Report& report) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Report>();
  root.setPlanRevision(report.plan.value());
  root.setWindowStart(unix_nanoseconds(report.window_start));
  root.setWindowNs(to_wire(report.window));
  write_health(root.initHealth(), report.health);
  write_flows(root.initFlows(), report.flows);
  write_delays(root.initDelays(), report.delays);
  write_paths(root.initPaths(), report.paths);
  return to_bytes(builder);
}

Result<Report> decode_report(std::span<const std::byte> bytes) {
  return read_message<schema::Report, Report>(
      bytes, kBatchPayloadMax, "report",
      [](schema::Report::Reader reader) { return read_report(reader, std::nullopt); });
}

Result<Report> decode_report(std::span<const std::byte> bytes, NodeId target) {
  return read_message<schema::Report, Report>(
      bytes, kBatchPayloadMax, "report",
      [target](schema::Report::Reader reader) { return read_report(reader, target); });
}

Result<std::vector<TargetSum>> decode_sums(std::span<const std::byte> bytes) {
  return read_message<schema::Report, std::vector<TargetSum>>(
      bytes, kBatchPayloadMax, "report",
      [](schema::Report::Reader reader) -> Result<std::vector<TargetSum>> {
        std::vector<TargetSum> sums;
        FAULTLINE_TRY_STATUS(read_flow_sums(reader.getFlows(), sums));
        FAULTLINE_TRY_STATUS(read_delay_sums(reader.getDelays(), sums));
        return sums;
      });
}

}  // namespace faultline::wire
