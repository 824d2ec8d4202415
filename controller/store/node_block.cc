#include "controller/store/node_block.h"

#include <algorithm>
#include <array>

#include "controller/store/bits.h"
#include "controller/store/parts.h"

namespace faultline::store {
namespace {

constexpr std::uint64_t kNodeLayout = 2;
constexpr std::uint64_t kLayoutWithoutMachine = 1;  // of format 2 (keys.h)

// The processors' time came after layout 2: above the clock's bits, where a build that knows only
// the clock finds one that is not known.
constexpr unsigned kClockBits = 2;
constexpr std::uint64_t kProcessorMax = ~std::uint64_t{0} >> kClockBits;

constexpr std::array kHealth{&ProberHealth::receive_drops, &ProberHealth::send_failures,
                             &ProberHealth::budget_deferred, &ProberHealth::replies_unmatched,
                             &ProberHealth::reflector_refused};

void put_machine(BitWriter& bits, const ProberHealth& health) {
  bits.put_varint(health.softnet_drops);
  bits.put_varint(health.throttled_ns);
  bits.put_varint(health.stolen_ns);
  bits.put_varint(static_cast<std::uint64_t>(health.clock) |
                  std::min(health.processor_ns, kProcessorMax) << kClockBits);
  bits.put_varint(zigzag(health.clock_step_ns));
  bits.put_varint(zigzag(health.clock_offset_ns));
}

void take_machine(BitReader& bits, ProberHealth& health) {
  health.softnet_drops = static_cast<std::uint32_t>(bits.take_varint());
  health.throttled_ns = bits.take_varint();
  health.stolen_ns = bits.take_varint();
  const auto packed = bits.take_varint();
  const auto clock = packed & ((1U << kClockBits) - 1);
  health.processor_ns = packed >> kClockBits;
  health.clock = clock <= static_cast<std::uint64_t>(ClockSync::kFree)
                     ? static_cast<ClockSync>(clock)
                     : ClockSync::kUnknown;
  health.clock_step_ns = from_zigzag(bits.take_varint());
  health.clock_offset_ns = from_zigzag(bits.take_varint());
}

NodePart::Row take_row(BitReader& bits, WallTime before, std::uint64_t layout) {
  NodePart::Row row;
  row.time.start = before + Duration{static_cast<std::int64_t>(bits.take_varint())};
  row.time.window = Duration{static_cast<std::int64_t>(bits.take_varint())};
  row.boot = BootId{bits.take(64)};
  row.sequence = bits.take_varint();
  row.first_sequence = row.sequence - bits.take_varint();
  row.results_dropped = bits.take_varint();
  row.plan = PlanRevision{bits.take_varint()};
  row.health.lateness_max_ns = bits.take_varint();
  for (const auto field : kHealth) {
    row.health.*field = static_cast<std::uint32_t>(bits.take_varint());
  }
  if (layout >= kNodeLayout) take_machine(bits, row.health);
  return row;
}

}  // namespace

std::string encode_part(const NodePart& part) {
  BitWriter bits;
  bits.put_varint(kNodeLayout);
  bits.put_varint(part.id);
  bits.put_varint(part.rows.size());
  WallTime before{};
  for (const NodePart::Row& row : part.rows) {
    bits.put_varint(static_cast<std::uint64_t>((row.time.start - before).count()));
    bits.put_varint(static_cast<std::uint64_t>(row.time.window.count()));
    bits.put(row.boot.value(), 64);
    bits.put_varint(row.sequence);
    bits.put_varint(row.sequence - row.first_sequence);
    bits.put_varint(row.results_dropped);
    bits.put_varint(row.plan.value());
    bits.put_varint(row.health.lateness_max_ns);
    for (const auto field : kHealth) bits.put_varint(row.health.*field);
    put_machine(bits, row.health);
    before = row.time.start;
  }
  return as_part(bits.finish());
}

bool decode_parts(std::string_view block, const std::function<void(NodePart)>& take) {
  return for_each_part(block, [&](std::string_view bytes) {
    BitReader bits{bytes};
    const auto layout = bits.take_varint();
    if (layout != kNodeLayout && layout != kLayoutWithoutMachine) return false;
    NodePart part{.id = bits.take_varint()};
    const std::size_t count = bits.take_count(kPartWindowsMax);
    WallTime before{};
    for (std::size_t i = 0; i < count && !bits.failed(); ++i) {
      part.rows.push_back(take_row(bits, before, layout));
      before = part.rows.back().time.start;
    }
    if (!bits.done()) return false;
    take(std::move(part));
    return true;
  });
}

}  // namespace faultline::store
