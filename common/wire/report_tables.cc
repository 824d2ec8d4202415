#include "common/wire/report_tables.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include "common/wire/fields.h"

namespace faultline::wire {
namespace {

// A row's value in column `reader`; an empty column holds zeros.
template <typename List>
auto at(const List& column, unsigned row) {
  return column.size() == 0 ? decltype(column[0]){} : column[row];
}

template <typename List>
Status check_column(std::string_view field, const List& column, std::size_t rows) {
  if (column.size() == 0 || column.size() == rows) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("column {} has {} rows instead of {}", field, column.size(), rows));
}

// Writes value(row) for all rows, or nothing when all of them are 0.
template <typename Rows, typename Init, typename Value>
void write_column(const Rows& rows, Init init, Value value) {
  if (std::ranges::all_of(rows, [&](const auto& row) { return value(row) == 0; })) return;
  auto column = init(static_cast<unsigned>(rows.size()));
  unsigned i = 0;
  for (const auto& row : rows) column.set(i++, value(row));
}

Status check_flow(const FlowWindow& flow) {
  const bool is_named = flow.target.value() != 0 && flow.source_port != 0;
  if (!is_named || flow.size > kFlowSizeMax || flow.dscp > kDscpMax) {  // which of them is told
    FAULTLINE_TRY_STATUS(check_nonzero("flow target", flow.target.value()));
    FAULTLINE_TRY_STATUS(check_nonzero("flow source port", flow.source_port));
    FAULTLINE_TRY_STATUS(check_range<std::uint16_t>("flow size", flow.size, 0, kFlowSizeMax));
    FAULTLINE_TRY_STATUS(check_range<std::uint8_t>("flow dscp", flow.dscp, 0, kDscpMax));
  }
  const std::uint64_t lost =
      std::uint64_t{flow.lost_forward} + flow.lost_return + flow.lost_undetermined;
  if (lost > flow.sent) return fail(ErrorCode::kInvalid, "a flow lost more than it sent");
  const std::uint64_t answered = flow.sent - lost;
  if (flow.dscp_rewritten > answered) {
    return fail(ErrorCode::kInvalid, "more of a flow's packets were rewritten than answered");
  }
  if (flow.late > answered) {
    return fail(ErrorCode::kInvalid, "a flow has more late replies than replies");
  }
  if (flow.rtt_min_ns > flow.rtt_mean_ns || flow.rtt_mean_ns > flow.rtt_max_ns) {
    return fail(ErrorCode::kInvalid, "a flow's round trips are not min <= mean <= max");
  }
  if (answered == 0 && flow.rtt_max_ns != 0) {
    return fail(ErrorCode::kInvalid, "a flow without replies has a round trip");
  }
  return {};
}

// A DSCP that may be untold: 0, else one more than it is.
std::uint8_t to_wire(std::optional<std::uint8_t> dscp) {
  return dscp ? static_cast<std::uint8_t>(*dscp + 1) : std::uint8_t{0};
}

// Of most flows it is not told, so a whole column is checked at once.
template <typename List>
Status check_told_dscp(std::string_view field, const List& column) {
  for (unsigned i = 0; i < column.size(); ++i) {
    FAULTLINE_TRY_STATUS(check_range<unsigned>(field, column[i], 0, kDscpMax + 1U));
  }
  return {};
}

std::optional<std::uint8_t> read_told_dscp(std::uint8_t checked) {
  if (checked == 0) return std::nullopt;
  return static_cast<std::uint8_t>(checked - 1);
}

// Probes report their flows in the order of these numbers, mostly; then there is nothing to sort.
Status check_unique(const std::vector<FlowWindow>& flows) {
  const auto key_of = [](const FlowWindow& flow) {
    return std::uint64_t{flow.target.value()} << 16U | flow.source_port;
  };
  if (std::ranges::adjacent_find(flows, std::ranges::greater_equal{}, key_of) == flows.end()) {
    return {};
  }
  std::vector<std::uint64_t> keys(flows.size());
  std::ranges::transform(flows, keys.begin(), key_of);
  std::ranges::sort(keys);
  if (std::ranges::adjacent_find(keys) == keys.end()) return {};
  return fail(ErrorCode::kInvalid, "a flow is reported twice");
}

Status check_flow_columns(schema::FlowTable::Reader reader, std::size_t rows) {
  FAULTLINE_TRY_STATUS(check_column("source port", reader.getSourcePort(), rows));
  FAULTLINE_TRY_STATUS(check_column("sent", reader.getSent(), rows));
  FAULTLINE_TRY_STATUS(check_column("lost forward", reader.getLostForward(), rows));
  FAULTLINE_TRY_STATUS(check_column("lost return", reader.getLostReturn(), rows));
  FAULTLINE_TRY_STATUS(check_column("lost undetermined", reader.getLostUndetermined(), rows));
  FAULTLINE_TRY_STATUS(check_column("duplicated", reader.getDuplicated(), rows));
  FAULTLINE_TRY_STATUS(check_column("reordered", reader.getReordered(), rows));
  FAULTLINE_TRY_STATUS(check_column("late", reader.getLate(), rows));
  FAULTLINE_TRY_STATUS(check_column("rtt min", reader.getRttMinNs(), rows));
  FAULTLINE_TRY_STATUS(check_column("rtt mean", reader.getRttMeanNs(), rows));
  FAULTLINE_TRY_STATUS(check_column("rtt max", reader.getRttMaxNs(), rows));
  FAULTLINE_TRY_STATUS(check_column("size", reader.getSize(), rows));
  FAULTLINE_TRY_STATUS(check_column("dscp", reader.getDscp(), rows));
  FAULTLINE_TRY_STATUS(check_column("dscp there", reader.getDscpThere(), rows));
  FAULTLINE_TRY_STATUS(check_column("dscp back", reader.getDscpBack(), rows));
  return check_column("dscp rewritten", reader.getDscpRewritten(), rows);
}

Status check_path_columns(schema::PathTable::Reader reader, std::size_t rows) {
  FAULTLINE_TRY_STATUS(check_column("source port", reader.getSourcePort(), rows));
  FAULTLINE_TRY_STATUS(check_column("direction", reader.getDirection(), rows));
  FAULTLINE_TRY_STATUS(check_column("complete", reader.getComplete(), rows));
  FAULTLINE_TRY_STATUS(check_column("traced at", reader.getTracedAt(), rows));
  FAULTLINE_TRY_STATUS(check_column("ended", reader.getEnded(), rows));
  return check_column("hops", reader.getHops(), rows);
}

Result<std::vector<IpAddress>> read_addresses(schema::PathTable::Reader reader) {
  std::vector<IpAddress> addresses;
  for (const auto data : reader.getAddresses()) {
    FAULTLINE_TRY(const auto address, read_address("hop", data));
    addresses.push_back(address);
  }
  return addresses;
}

Result<Hop> hop_of(std::uint32_t reference, const std::vector<IpAddress>& addresses) {
  if (reference == 0) return Hop{};
  if (reference > addresses.size()) return out_of_range("hop address", "not in the table");
  return Hop{addresses[reference - 1]};
}

}  // namespace

void write_flows(schema::FlowTable::Builder builder, const std::vector<FlowWindow>& flows) {
  using Row = FlowWindow;
  const auto column = [&](auto init, auto value) { write_column(flows, init, value); };
  column([&](unsigned n) { return builder.initTarget(n); },
         [](const Row& row) { return row.target.value(); });
  column([&](unsigned n) { return builder.initSourcePort(n); },
         [](const Row& row) { return row.source_port; });
  column([&](unsigned n) { return builder.initSent(n); }, [](const Row& row) { return row.sent; });
  column([&](unsigned n) { return builder.initLostForward(n); },
         [](const Row& row) { return row.lost_forward; });
  column([&](unsigned n) { return builder.initLostReturn(n); },
         [](const Row& row) { return row.lost_return; });
  column([&](unsigned n) { return builder.initLostUndetermined(n); },
         [](const Row& row) { return row.lost_undetermined; });
  column([&](unsigned n) { return builder.initDuplicated(n); },
         [](const Row& row) { return row.duplicated; });
  column([&](unsigned n) { return builder.initReordered(n); },
         [](const Row& row) { return row.reordered; });
  column([&](unsigned n) { return builder.initLate(n); }, [](const Row& row) { return row.late; });
  column([&](unsigned n) { return builder.initRttMinNs(n); },
         [](const Row& row) { return row.rtt_min_ns; });
  column([&](unsigned n) { return builder.initRttMeanNs(n); },
         [](const Row& row) { return row.rtt_mean_ns; });
  column([&](unsigned n) { return builder.initRttMaxNs(n); },
         [](const Row& row) { return row.rtt_max_ns; });
  column([&](unsigned n) { return builder.initSize(n); }, [](const Row& row) { return row.size; });
  column([&](unsigned n) { return builder.initDscp(n); }, [](const Row& row) { return row.dscp; });
  column([&](unsigned n) { return builder.initDscpThere(n); },
         [](const Row& row) { return to_wire(row.dscp_there); });
  column([&](unsigned n) { return builder.initDscpBack(n); },
         [](const Row& row) { return to_wire(row.dscp_back); });
  column([&](unsigned n) { return builder.initDscpRewritten(n); },
         [](const Row& row) { return row.dscp_rewritten; });
}

Result<std::vector<FlowWindow>> read_flows(schema::FlowTable::Reader reader,
                                           std::optional<NodeId> only) {
  const auto targets = reader.getTarget();
  FAULTLINE_TRY_STATUS(check_count("flows", targets.size(), kReportFlowsMax));
  FAULTLINE_TRY_STATUS(check_flow_columns(reader, targets.size()));
  const auto source_port = reader.getSourcePort();
  const auto sent = reader.getSent();
  const auto lost_forward = reader.getLostForward();
  const auto lost_return = reader.getLostReturn();
  const auto lost_undetermined = reader.getLostUndetermined();
  const auto duplicated = reader.getDuplicated();
  const auto reordered = reader.getReordered();
  const auto late = reader.getLate();
  const auto rtt_min = reader.getRttMinNs();
  const auto rtt_mean = reader.getRttMeanNs();
  const auto rtt_max = reader.getRttMaxNs();
  const auto size = reader.getSize();
  const auto dscp = reader.getDscp();
  const auto dscp_there = reader.getDscpThere();
  const auto dscp_back = reader.getDscpBack();
  const auto dscp_rewritten = reader.getDscpRewritten();
  FAULTLINE_TRY_STATUS(check_told_dscp("dscp there", dscp_there));
  FAULTLINE_TRY_STATUS(check_told_dscp("dscp back", dscp_back));
  std::vector<FlowWindow> flows;
  if (!only) flows.reserve(targets.size());
  for (unsigned i = 0; i < targets.size(); ++i) {
    if (only && targets[i] != only->value()) continue;
    flows.push_back({.target = NodeId{targets[i]},
                     .source_port = at(source_port, i),
                     .size = at(size, i),
                     .dscp = at(dscp, i),
                     .dscp_there = read_told_dscp(at(dscp_there, i)),
                     .dscp_back = read_told_dscp(at(dscp_back, i)),
                     .dscp_rewritten = at(dscp_rewritten, i),
                     .sent = at(sent, i),
                     .lost_forward = at(lost_forward, i),
                     .lost_return = at(lost_return, i),
                     .lost_undetermined = at(lost_undetermined, i),
                     .duplicated = at(duplicated, i),
                     .reordered = at(reordered, i),
                     .late = at(late, i),
                     .rtt_min_ns = at(rtt_min, i),
                     .rtt_mean_ns = at(rtt_mean, i),
                     .rtt_max_ns = at(rtt_max, i)});
    FAULTLINE_TRY_STATUS(check_flow(flows.back()));
  }
  FAULTLINE_TRY_STATUS(check_unique(flows));
  return flows;
}

void write_delays(schema::DelayTable::Builder builder, const std::vector<TargetDelay>& delays) {
  std::size_t total = 0;
  for (const auto& delay : delays) total += delay.rtt.buckets().size();
  auto targets = builder.initTarget(static_cast<unsigned>(delays.size()));
  auto buckets = builder.initBuckets(static_cast<unsigned>(delays.size()));
  auto indexes = builder.initBucketIndex(static_cast<unsigned>(total));
  auto counts = builder.initBucketCount(static_cast<unsigned>(total));
  unsigned next = 0;
  for (unsigned i = 0; i < targets.size(); ++i) {
    targets.set(i, delays[i].target.value());
    buckets.set(i, static_cast<std::uint16_t>(delays[i].rtt.buckets().size()));
    for (const auto& bucket : delays[i].rtt.buckets()) {
      indexes.set(next, bucket.index);
      counts.set(next, bucket.count);
      ++next;
    }
  }
}

Status read_flow_sums(schema::FlowTable::Reader reader, std::vector<TargetSum>& sums) {
  const auto targets = reader.getTarget();
  FAULTLINE_TRY_STATUS(check_count("flows", targets.size(), kReportFlowsMax));
  FAULTLINE_TRY_STATUS(check_flow_columns(reader, targets.size()));
  const auto sent = reader.getSent();
  const auto lost_forward = reader.getLostForward();
  const auto lost_return = reader.getLostReturn();
  const auto lost_undetermined = reader.getLostUndetermined();
  for (unsigned i = 0; i < targets.size(); ++i) {
    if (sums.empty() || sums.back().target.value() != targets[i]) {
      sums.push_back({.target = NodeId{targets[i]}});
    }
    auto& sum = sums.back();
    ++sum.flow_windows;
    sum.sent += at(sent, i);
    sum.lost_forward += at(lost_forward, i);
    sum.lost_return += at(lost_return, i);
    sum.lost_undetermined += at(lost_undetermined, i);
  }
  return {};
}

namespace {

// take(target, histogram) of each row, or of those of one target.
template <typename Take>
Status for_each_delay(schema::DelayTable::Reader reader, std::optional<NodeId> only, Take take) {
  const auto targets = reader.getTarget();
  const auto buckets = reader.getBuckets();
  const auto indexes = reader.getBucketIndex();
  const auto counts = reader.getBucketCount();
  FAULTLINE_TRY_STATUS(check_count("delays", targets.size(), kReportFlowsMax));
  FAULTLINE_TRY_STATUS(check_column("buckets", buckets, targets.size()));
  std::size_t next = 0;
  unsigned i = 0;
  for (; i < targets.size(); ++i) {
    FAULTLINE_TRY_STATUS(check_nonzero("delay target", targets[i]));
    const std::size_t end = next + at(buckets, i);
    if (end > indexes.size() || end > counts.size()) break;
    if (only && targets[i] != only->value()) {
      next = end;
      continue;
    }
    std::vector<stats::Histogram::Bucket> row;
    row.reserve(end - next);
    for (; next < end; ++next) {
      const auto column = static_cast<unsigned>(next);
      row.push_back({indexes[column], counts[column]});
    }
    auto histogram = stats::Histogram::from_buckets(std::move(row));
    if (!histogram) return fail(ErrorCode::kInvalid, "a histogram's buckets are out of order");
    take(NodeId{targets[i]}, std::move(*histogram));
  }
  if (i == targets.size() && next == indexes.size() && next == counts.size()) return {};
  return fail(ErrorCode::kInvalid, "the histograms' buckets do not add up");
}

}  // namespace

Result<std::vector<TargetDelay>> read_delays(schema::DelayTable::Reader reader,
                                             std::optional<NodeId> only) {
  std::vector<TargetDelay> delays;
  FAULTLINE_TRY_STATUS(for_each_delay(reader, only, [&](NodeId target, stats::Histogram rtt) {
    delays.push_back({target, std::move(rtt)});
  }));
  std::vector<NodeId> nodes(delays.size());
  std::ranges::transform(delays, nodes.begin(), &TargetDelay::target);
  std::ranges::sort(nodes);
  if (std::ranges::adjacent_find(nodes) == nodes.end()) return delays;
  return fail(ErrorCode::kInvalid, "a target's delay is reported twice");
}

Status read_delay_sums(schema::DelayTable::Reader reader, std::vector<TargetSum>& sums) {
  FAULTLINE_TRY_STATUS(check_count("delays", reader.getTarget().size(), kReportFlowsMax));
  sums.reserve(sums.size() + reader.getTarget().size());
  return for_each_delay(reader, std::nullopt, [&](NodeId target, stats::Histogram rtt) {
    sums.push_back({.target = target, .rtt = std::move(rtt)});
  });
}

void write_paths(schema::PathTable::Builder builder, const std::vector<PathRecord>& paths) {
  using Row = PathRecord;
  const auto column = [&](auto init, auto value) { write_column(paths, init, value); };
  column([&](unsigned n) { return builder.initTarget(n); },
         [](const Row& row) { return row.target.value(); });
  column([&](unsigned n) { return builder.initSourcePort(n); },
         [](const Row& row) { return row.source_port; });
  column([&](unsigned n) { return builder.initDirection(n); },
         [](const Row& row) { return static_cast<std::uint8_t>(row.direction); });
  column([&](unsigned n) { return builder.initComplete(n); },
         [](const Row& row) { return static_cast<std::uint8_t>(row.complete); });
  column([&](unsigned n) { return builder.initTracedAt(n); },
         [](const Row& row) { return unix_nanoseconds(row.traced_at); });
  column([&](unsigned n) { return builder.initHops(n); },
         [](const Row& row) { return static_cast<std::uint8_t>(row.hops.size()); });
  column([&](unsigned n) { return builder.initEnded(n); },
         [](const Row& row) { return static_cast<std::uint8_t>(row.ended); });

  std::unordered_map<IpAddress, std::uint32_t> references;  // from 1: 0 is a silent hop
  std::vector<IpAddress> addresses;
  std::vector<std::uint32_t> hops;
  for (const auto& path : paths) {
    for (const auto& hop : path.hops) {
      if (!hop.address) {
        hops.push_back(0);
        continue;
      }
      const auto [entry, added] =
          references.try_emplace(*hop.address, static_cast<std::uint32_t>(addresses.size() + 1));
      if (added) addresses.push_back(*hop.address);
      hops.push_back(entry->second);
    }
  }
  auto hop_column = builder.initHopAddress(static_cast<unsigned>(hops.size()));
  for (unsigned i = 0; i < hop_column.size(); ++i) hop_column.set(i, hops[i]);
  auto address_list = builder.initAddresses(static_cast<unsigned>(addresses.size()));
  for (unsigned i = 0; i < address_list.size(); ++i) address_list.set(i, to_wire(addresses[i]));
}

Result<std::vector<PathRecord>> read_paths(schema::PathTable::Reader reader) {
  const auto targets = reader.getTarget();
  FAULTLINE_TRY_STATUS(check_count("paths", targets.size(), kReportPathsMax));
  FAULTLINE_TRY_STATUS(check_path_columns(reader, targets.size()));
  FAULTLINE_TRY(const auto addresses, read_addresses(reader));
  const auto source_port = reader.getSourcePort();
  const auto direction = reader.getDirection();
  const auto complete = reader.getComplete();
  const auto traced_at = reader.getTracedAt();
  const auto hops = reader.getHops();
  const auto ended = reader.getEnded();
  const auto hop_address = reader.getHopAddress();
  std::vector<PathRecord> paths;
  paths.reserve(targets.size());
  unsigned next = 0;
  for (unsigned i = 0; i < targets.size(); ++i) {
    PathRecord path;
    path.target = NodeId{targets[i]};
    FAULTLINE_TRY_STATUS(check_nonzero("path target", targets[i]));
    path.source_port = at(source_port, i);
    FAULTLINE_TRY_STATUS(check_nonzero("path source port", path.source_port));
    FAULTLINE_TRY_STATUS(check_range<unsigned>("direction", at(direction, i), 0, 1));
    path.direction = static_cast<Direction>(at(direction, i));
    FAULTLINE_TRY_STATUS(check_range<unsigned>("complete", at(complete, i), 0, 1));
    path.complete = at(complete, i) == 1;
    path.ended = read_path_end(at(ended, i));
    FAULTLINE_TRY(path.traced_at, read_time("traced at", at(traced_at, i)));
    FAULTLINE_TRY_STATUS(check_count("hops", at(hops, i), kPathHopsMax));
    const unsigned end = next + at(hops, i);
    if (end > hop_address.size()) break;
    for (; next < end; ++next) {
      FAULTLINE_TRY(const auto hop, hop_of(hop_address[next], addresses));
      path.hops.push_back(hop);
    }
    paths.push_back(std::move(path));
  }
  if (paths.size() == targets.size() && next == hop_address.size()) return paths;
  return fail(ErrorCode::kInvalid, "the paths' hops do not add up");
}

}  // namespace faultline::wire
