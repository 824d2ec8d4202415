#include "controller/localize/stream.h"

#include <algorithm>

#include "common/base/check.h"

namespace faultline::localize {
namespace {

// Five minutes are five blocks of a minute, half an hour is six blocks of five minutes.
constexpr std::size_t kMinutesPerFive = 5;
constexpr std::size_t kFivesPerHalfHour = 6;

std::int64_t floor_to(std::int64_t time_s, std::int64_t step) {
  const std::int64_t rest = time_s % step;
  return time_s - (rest < 0 ? rest + step : rest);
}

void set_at_least(std::vector<std::uint32_t>& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
}

}  // namespace

std::size_t Stream::KeyHash::operator()(const Key& key) const {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](std::uint64_t value) {
    hash = (hash ^ value) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  };
  mix((std::uint64_t{key.src.value()} << 32) | key.dst.value());
  mix((std::uint64_t{key.forward.value()} << 32) | key.back.value());
  mix((std::uint64_t{key.flow.value()} << 32) | key.size);
  mix(static_cast<std::uint16_t>(key.dscp));
  return hash;
}

Stream::Stream(const Options& options) : options_(options) {
  FAULTLINE_CHECK(options.window_s > 0, "a window lasts at least a second");
  FAULTLINE_CHECK(options.minute_windows > 0, "the shortest horizon is a window at least");
  // A flow keeps its number for as long as the longest horizon holds a whole block of it.
  options_.take_out_windows = std::min(
      options.take_out_windows, options.minute_windows * static_cast<std::uint32_t>(
                                                             kMinutesPerFive *
                                                             (kFivesPerHalfHour - 1)));
  const std::int64_t minute_s = std::int64_t{options.window_s} * options.minute_windows;
  const std::array<std::int64_t, 3> block_s{options.window_s, minute_s,
                                            minute_s * std::int64_t{kMinutesPerFive}};
  const std::array<std::size_t, 3> blocks{options.minute_windows, kMinutesPerFive,
                                          kFivesPerHalfHour};
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    rings_[i].block_s = block_s[i];
    rings_[i].blocks.resize(blocks[i]);
  }
}

std::int64_t Stream::oldest_start_s(const Ring& ring) const {
  const auto blocks = static_cast<std::int64_t>(ring.blocks.size());
  return floor_to(newest_start_s_, ring.block_s) - (blocks - 1) * ring.block_s;
}

std::int64_t Stream::begins_after_s(Horizon horizon) const {
  if (newest_start_s_ == kNoTime) return kNoTime;
  return oldest_start_s(ring_of(horizon));
}

bool Stream::reaches_back(Horizon horizon) const {
  const std::int64_t after_s = begins_after_s(Horizon::kMinute);
  return std::ranges::any_of(blocks_of(ring_of(horizon)), [&](const Block* block) {
    return block->start_s < after_s && !block->sent.empty();
  });
}

Stream::Block& Stream::place_of(Ring& ring, std::int64_t block_start_s) const {
  const auto count = static_cast<std::int64_t>(ring.blocks.size());
  const std::int64_t number = block_start_s / ring.block_s;
  return ring.blocks[static_cast<std::size_t>((number % count + count) % count)];
}

Stream::Block* Stream::block_at(Ring& ring, std::int64_t start_s) {
  const std::int64_t block_start = floor_to(start_s, ring.block_s);
  if (block_start < oldest_start_s(ring)) return nullptr;
  Block& block = place_of(ring, block_start);
  if (block.start_s != block_start) {
    block.start_s = block_start;
    block.sent.clear();  // keeps its memory for the next round
    block.delay.clear();
    block.delays.clear();
    block.losses.clear();
    if (&ring == &rings_.back()) forget_silent_flows();
  }
  return &block;
}

std::vector<const Stream::Block*> Stream::blocks_of(const Ring& ring) const {
  std::vector<const Block*> blocks;
  for (const Block& block : ring.blocks) {
    if (block.start_s != kNoTime && block.start_s >= oldest_start_s(ring)) blocks.push_back(&block);
  }
  std::ranges::sort(blocks, {}, &Block::start_s);
  return blocks;
}

std::uint32_t Stream::flow_of(const Observation& row) {
  const Key key{row.src, row.dst, row.forward, row.back, row.flow, row.size, row.dscp};
  // Windows mostly repeat the rows of the one before, in order.
  if (next_ < keys_.size() && keys_[next_] == key) return next_++;
  const auto known = flow_by_key_.find(key);
  std::uint32_t flow = kNone;
  if (known != flow_by_key_.end()) {
    flow = known->second;
  } else if (!free_.empty()) {
    flow = free_.back();
    free_.pop_back();
    keys_[flow] = key;
    flow_by_key_.emplace(key, flow);
  } else if (keys_.size() < options_.flows_max) {
    flow = static_cast<std::uint32_t>(keys_.size());
    keys_.push_back(key);
    flow_by_key_.emplace(key, flow);
  }
  if (flow != kNone) next_ = flow + 1;
  return flow;
}

void Stream::forget_silent_flows() {
  std::vector<std::uint8_t> is_heard(keys_.size());
  for (const Ring& ring : rings_) {
    for (const Block* block : blocks_of(ring)) {
      for (std::size_t i = 0; i < block->sent.size(); ++i) is_heard[i] |= block->sent[i] > 0;
      for (std::size_t i = 0; i < block->delay.size(); ++i) is_heard[i] |= block->delay[i] > 0;
    }
  }
  free_.clear();
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    if (is_heard[i] != 0) continue;
    const auto known = flow_by_key_.find(keys_[i]);
    if (known != flow_by_key_.end() && known->second == i) flow_by_key_.erase(known);
    keys_[i] = Key{};  // no row is equal: its route is missing
    free_.push_back(i);
  }
}

void Stream::keep_lossy_row(std::int64_t start_s, const LossyRow& row) {
  const std::int64_t reach_s = std::int64_t{options_.take_out_windows} * options_.window_s;
  if (start_s + reach_s <= newest_start_s_) return;
  lossy_[start_s].push_back(row);
  ++lossy_count_;
  while (!lossy_.empty() && (lossy_.begin()->first + reach_s <= newest_start_s_ ||
                             lossy_count_ > options_.lossy_rows_max)) {
    lossy_count_ -= lossy_.begin()->second.size();
    lossy_.erase(lossy_.begin());
  }
}

void Stream::add_window(std::int64_t end_s, std::span<const Observation> rows,
                        std::span<const Delay> delays) {
  const std::int64_t start_s = floor_to(end_s - 1, options_.window_s);
  if (newest_start_s_ == kNoTime || start_s > newest_start_s_) newest_start_s_ = start_s;
  std::array<Block*, 3> blocks{};
  for (std::size_t i = rings_.size(); i-- > 0;) blocks[i] = block_at(rings_[i], start_s);
  if (std::ranges::all_of(blocks, [](const Block* it) { return it == nullptr; })) {
    late_rows_ += rows.size();
    return;
  }
  next_ = 0;
  for (const Observation& row : rows) {
    const bool has_delay = row.delay != 0 && row.delay < delays.size() && blocks[0] != nullptr;
    if (row.sent == 0 && !has_delay) continue;
    const std::uint32_t flow = flow_of(row);
    if (flow == kNone) {
      ++refused_rows_;
      continue;
    }
    if (has_delay) {
      set_at_least(blocks[0]->delay, keys_.size());
      blocks[0]->delays.push_back(delays[row.delay]);
      blocks[0]->delay[flow] = static_cast<std::uint32_t>(blocks[0]->delays.size());
    }
    if (row.sent == 0) continue;
    for (Block* block : blocks) {
      if (block == nullptr) continue;
      set_at_least(block->sent, keys_.size());
      block->sent[flow] += static_cast<std::uint32_t>(row.sent);
      if (row.lost > 0) block->losses.push_back({flow, static_cast<std::int32_t>(row.lost)});
    }
    if (row.lost > 0) {
      keep_lossy_row(start_s, {flow, static_cast<std::uint32_t>(row.sent),
                               static_cast<std::uint32_t>(row.lost)});
    }
  }
}

std::uint64_t Stream::take_out(std::int64_t end_s, DeviceIndex node) {
  const std::int64_t start_s = floor_to(end_s - 1, options_.window_s);
  const auto is_of_node = [&](std::uint32_t flow) {
    return keys_[flow].src == node || keys_[flow].dst == node;
  };
  std::vector<LossyRow> taken;
  if (const auto kept = lossy_.find(start_s); kept != lossy_.end()) {
    lossy_count_ -= std::erase_if(kept->second, [&](const LossyRow& row) {
      if (is_of_node(row.flow)) taken.push_back(row);
      return is_of_node(row.flow);
    });
  }
  for (Ring& ring : rings_) {
    const std::int64_t block_start = floor_to(start_s, ring.block_s);
    Block& block = place_of(ring, block_start);
    if (block.start_s != block_start || block_start < oldest_start_s(ring)) continue;
    for (const LossyRow& row : taken) {
      if (row.flow >= block.sent.size()) continue;  // too late for this ring: not counted there
      block.sent[row.flow] -= row.sent;
      block.losses.push_back({row.flow, -static_cast<std::int32_t>(row.lost)});
    }
    for (std::uint32_t i = 0; i < block.delay.size(); ++i) {
      if (is_of_node(i)) block.delay[i] = 0;
    }
  }
  return taken.size();
}

void Stream::rename(std::span<const Key> keys) {
  FAULTLINE_CHECK(keys.size() == keys_.size(), "every flow keeps its number");
  keys_.assign(keys.begin(), keys.end());
  flow_by_key_.clear();
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].forward != kNoRoute) flow_by_key_.try_emplace(keys_[i], i);
  }
}

std::vector<Observation> Stream::rows(Horizon horizon, std::vector<Delay>* delays) const {
  std::size_t rows_max = 0;
  for (const Block* block : blocks_of(ring_of(horizon))) {
    rows_max += block->sent.size() - std::ranges::count(block->sent, 0U);
    for (std::size_t i = 0; delays != nullptr && i < block->delay.size(); ++i) {
      const bool is_silent = i >= block->sent.size() || block->sent[i] == 0;
      rows_max += is_silent && block->delay[i] != 0 ? 1 : 0;
    }
  }
  std::vector<Observation> result;
  result.reserve(rows_max);  // growing would hold them twice
  visit(horizon, [&](const Key& key, std::int64_t end_s, std::uint64_t sent, std::uint64_t lost,
                     const Delay* delay) {
    if (sent == 0 && delays == nullptr) return;
    auto& row = result.emplace_back(Observation{.src = key.src,
                                                .dst = key.dst,
                                                .forward = key.forward,
                                                .back = key.back,
                                                .flow = key.flow,
                                                .time_s = end_s,
                                                .sent = sent,
                                                .lost = lost,
                                                .size = key.size,
                                                .dscp = key.dscp});
    if (delay == nullptr || delays == nullptr) return;
    row.delay = static_cast<std::uint32_t>(delays->size());
    delays->push_back(*delay);
  });
  return result;
}

}  // namespace faultline::localize
