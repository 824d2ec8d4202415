#include "controller/store/flow_block.h"

#include <algorithm>
#include <array>

#include "controller/store/columns.h"
#include "controller/store/parts.h"

namespace faultline::store {
namespace {

constexpr std::uint64_t kFlowLayout = 1;
constexpr std::size_t kFlowsMax = 65'536;  // ports of one target

std::uint64_t nanoseconds(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}

// The counts of a flow, in the order of their columns.
constexpr std::array kFlowCounts{&FlowWindow::sent,        &FlowWindow::lost_forward,
                                 &FlowWindow::lost_return, &FlowWindow::lost_undetermined,
                                 &FlowWindow::duplicated,  &FlowWindow::reordered,
                                 &FlowWindow::late};

void put_windows(BitWriter& bits, const std::vector<WindowTime>& windows) {
  struct Run {
    WindowTime first;
    Duration step{};
    std::uint64_t count = 1;
  };
  std::vector<Run> runs;
  for (const WindowTime& window : windows) {
    if (!runs.empty() && runs.back().first.window == window.window) {
      Run& run = runs.back();
      const auto last = run.first.start + static_cast<std::int64_t>(run.count - 1) * run.step;
      if (run.count == 1) run.step = window.start - last;
      if (window.start - last == run.step) {
        ++run.count;
        continue;
      }
    }
    runs.push_back({window});
  }
  bits.put_varint(runs.size());
  for (const Run& run : runs) {
    bits.put_varint(static_cast<std::uint64_t>(unix_nanoseconds(run.first.start)));
    bits.put_varint(nanoseconds(run.first.window));
    bits.put_varint(nanoseconds(run.step));
    bits.put_varint(run.count);
  }
}

std::vector<WindowTime> take_windows(BitReader& bits) {
  std::vector<WindowTime> windows;
  const std::size_t runs = bits.take_count(kPartWindowsMax);
  for (std::size_t i = 0; i < runs && !bits.failed(); ++i) {
    const auto start =
        wall_time_from_unix_nanoseconds(static_cast<std::int64_t>(bits.take_varint()));
    const Duration window{static_cast<std::int64_t>(bits.take_varint())};
    const std::uint64_t step = bits.take_varint();
    const std::size_t count = bits.take_count(kPartWindowsMax - windows.size());
    for (std::size_t j = 0; j < count; ++j) {
      windows.push_back({start + Duration{static_cast<std::int64_t>(step * j)}, window});
    }
  }
  return windows;
}

using Rows = std::span<const FlowPart::Row>;

// The rows of each flow: they follow each other.
std::vector<Rows> by_flow(const FlowPart& part) {
  std::vector<Rows> flows;
  for (auto from = part.rows.begin(); from != part.rows.end();) {
    const auto to = std::find_if(from, part.rows.end(), [&](const FlowPart::Row& row) {
      return row.flow.source_port != from->flow.source_port;
    });
    flows.emplace_back(from, to);
    from = to;
  }
  return flows;
}

void put_presence(BitWriter& bits, Rows rows, std::size_t windows) {
  const bool everywhere = rows.size() == windows;
  bits.put(everywhere, 1);
  if (everywhere) return;
  auto row = rows.begin();
  for (std::uint32_t window = 0; window < windows; ++window) {
    const bool present = row != rows.end() && row->window == window;
    bits.put(present, 1);
    if (present) ++row;
  }
}

void put_flow(BitWriter& bits, Rows rows) {
  Column column;
  for (const auto count : kFlowCounts) {
    column.clear();
    for (const auto& row : rows) column.push_back(row.flow.*count);
    put_column<0>(bits, column);
  }
  const auto put_delay = [&](auto value_of) {
    column.clear();
    for (const auto& row : rows) {
      if (row.flow.answered() > 0) column.push_back(value_of(row.flow));
    }
    put_column<2>(bits, column);
  };
  const auto difference = [](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a - b);
  };
  put_delay([&](const FlowWindow& flow) { return difference(flow.rtt_min_ns, 0); });
  put_delay([&](const FlowWindow& flow) { return difference(flow.rtt_mean_ns, flow.rtt_min_ns); });
  put_delay([&](const FlowWindow& flow) { return difference(flow.rtt_max_ns, flow.rtt_mean_ns); });
}

void take_flow(BitReader& bits, std::span<FlowPart::Row> rows, Column& column) {
  for (const auto count : kFlowCounts) {
    take_column<0>(bits, rows.size(), column);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].flow.*count = static_cast<std::uint32_t>(column[i]);
    }
  }
  const auto answered = static_cast<std::size_t>(std::ranges::count_if(
      rows, [](const FlowPart::Row& row) { return row.flow.answered() > 0; }));
  const auto take_delay = [&](auto set) {
    take_column<2>(bits, answered, column);
    auto value = column.begin();
    for (auto& row : rows) {
      if (row.flow.answered() > 0) set(row.flow, static_cast<std::uint64_t>(*value++));
    }
  };
  take_delay([](FlowWindow& flow, std::uint64_t value) { flow.rtt_min_ns = value; });
  take_delay(
      [](FlowWindow& flow, std::uint64_t value) { flow.rtt_mean_ns = flow.rtt_min_ns + value; });
  take_delay(
      [](FlowWindow& flow, std::uint64_t value) { flow.rtt_max_ns = flow.rtt_mean_ns + value; });
}

void put_delays(BitWriter& bits, const FlowPart& part) {
  auto delay = part.delays.begin();
  HistogramColumn column;
  for (std::uint32_t window = 0; window < part.windows.size(); ++window) {
    const bool present = delay != part.delays.end() && delay->window == window;
    bits.put(present, 1);
    if (present) column.put(bits, (delay++)->rtt);
  }
}

bool take_delays(BitReader& bits, FlowPart& part) {
  HistogramColumn column;
  for (std::uint32_t window = 0; window < part.windows.size(); ++window) {
    if (bits.take(1) == 0) continue;
    auto rtt = column.take(bits);
    if (!rtt) return false;
    part.delays.push_back({window, *std::move(rtt)});
  }
  return !bits.failed();
}

std::vector<std::uint16_t> take_ports(BitReader& bits) {
  std::vector<std::uint16_t> ports;
  const std::size_t count = bits.take_count(kFlowsMax);
  std::uint64_t port = 0;
  for (std::size_t i = 0; i < count && !bits.failed(); ++i) {
    port += bits.take_varint();
    ports.push_back(static_cast<std::uint16_t>(port));
  }
  return ports;
}

bool decode_columns(std::string_view bytes, NodeId target, FlowPart& part) {
  BitReader bits{bytes};
  if (bits.take_varint() != kFlowLayout) return false;
  part.id = bits.take_varint();
  part.windows = take_windows(bits);
  const auto ports = take_ports(bits);
  std::vector<std::size_t> ends;  // of each flow's rows
  for (const std::uint16_t port : ports) {
    const bool everywhere = bits.take(1) != 0;
    for (std::uint32_t window = 0; window < part.windows.size(); ++window) {
      if (!everywhere && bits.take(1) == 0) continue;
      part.rows.push_back({window, {.target = target, .source_port = port}});
    }
    if (bits.failed()) return false;
    ends.push_back(part.rows.size());
  }
  Column column;
  std::size_t from = 0;
  for (const std::size_t to : ends) {
    take_flow(bits, std::span(part.rows).subspan(from, to - from), column);
    from = to;
    if (bits.failed()) return false;
  }
  return take_delays(bits, part) && bits.done();
}

}  // namespace

std::string encode_part(const FlowPart& part) {
  BitWriter bits;
  bits.put_varint(kFlowLayout);
  bits.put_varint(part.id);
  put_windows(bits, part.windows);
  const auto flows = by_flow(part);
  bits.put_varint(flows.size());
  std::uint16_t before = 0;
  for (const Rows& rows : flows) {
    const std::uint16_t port = rows.front().flow.source_port;
    bits.put_varint(static_cast<std::uint64_t>(port - before));
    before = port;
  }
  for (const Rows& rows : flows) put_presence(bits, rows, part.windows.size());
  for (const Rows& rows : flows) put_flow(bits, rows);
  put_delays(bits, part);
  return as_part(bits.finish());
}

bool decode_parts(std::string_view block, NodeId target,
                  const std::function<void(FlowPart)>& take) {
  return for_each_part(block, [&](std::string_view bytes) {
    FlowPart part;
    if (!decode_columns(bytes, target, part)) return false;
    take(std::move(part));
    return true;
  });
}

}  // namespace faultline::store
