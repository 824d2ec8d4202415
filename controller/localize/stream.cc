#include "controller/localize/stream.h"

#include <algorithm>

#include "common/base/check.h"

namespace faultline::localize {
namespace {

constexpr std::array<std::size_t, 3> kBlocks{6, 5, 6};
constexpr std::array<std::int64_t, 3> kWindowsPerBlock{1, 6, 30};

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
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    rings_[i].block_s = kWindowsPerBlock[i] * options.window_s;
    rings_[i].blocks.resize(kBlocks[i]);
  }
}

std::int64_t Stream::oldest_start_s(const Ring& ring) const {
  const auto blocks = static_cast<std::int64_t>(ring.blocks.size());
  return floor_to(newest_start_s_, ring.block_s) - (blocks - 1) * ring.block_s;
}

std::int64_t Stream::begins_after_s(Horizon horizon) const {
  if (newest_start_s_ == kNoTime) return kNoTime;
  return oldest_start_s(rings_[static_cast<std::size_t>(horizon)]);
}

Stream::Block* Stream::block_at(Ring& ring, std::int64_t start_s) {
  const std::int64_t block_start = floor_to(start_s, ring.block_s);
  if (block_start < oldest_start_s(ring)) return nullptr;
  const auto count = static_cast<std::int64_t>(ring.blocks.size());
  const std::int64_t number = block_start / ring.block_s;
  Block& block = ring.blocks[static_cast<std::size_t>((number % count + count) % count)];
  if (block.start_s != block_start) {
    block.start_s = block_start;
    block.sent.clear();  // keeps its memory for the next round
    block.delay.clear();
    block.losses.clear();
    if (&ring == &rings_.back()) forget_silent_flows();
  }
  return &block;
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
    for (const Block& block : ring.blocks) {
      if (block.start_s == kNoTime || block.start_s < oldest_start_s(ring)) continue;
      for (std::size_t i = 0; i < block.sent.size(); ++i) is_heard[i] |= block.sent[i] > 0;
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

void Stream::add_window(std::int64_t end_s, std::span<const Observation> rows) {
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
    if (row.sent == 0) continue;
    const std::uint32_t flow = flow_of(row);
    if (flow == kNone) {
      ++refused_rows_;
      continue;
    }
    for (Block* block : blocks) {
      if (block == nullptr) continue;
      if (block->sent.size() <= flow) block->sent.resize(keys_.size());
      block->sent[flow] += static_cast<std::uint32_t>(row.sent);
      if (row.lost > 0) block->losses.push_back({flow, static_cast<std::uint32_t>(row.lost)});
    }
    if (row.delay != 0 && blocks[0] != nullptr) {
      set_at_least(blocks[0]->delay, keys_.size());
      blocks[0]->delay[flow] = row.delay;
    }
  }
}

std::vector<Observation> Stream::rows(Horizon horizon) const {
  const Ring& ring = rings_[static_cast<std::size_t>(horizon)];
  std::vector<const Block*> blocks;
  for (const Block& block : ring.blocks) {
    if (block.start_s != kNoTime && block.start_s >= oldest_start_s(ring)) blocks.push_back(&block);
  }
  std::ranges::sort(blocks, {}, &Block::start_s);
  std::vector<Observation> result;
  std::vector<std::uint32_t> lost(keys_.size());
  for (const Block* block : blocks) {
    for (const Loss& loss : block->losses) lost[loss.flow] += loss.lost;
    for (std::uint32_t i = 0; i < block->sent.size(); ++i) {
      if (block->sent[i] == 0) continue;
      const Key& key = keys_[i];
      result.push_back({.src = key.src,
                        .dst = key.dst,
                        .forward = key.forward,
                        .back = key.back,
                        .flow = key.flow,
                        .time_s = block->start_s + ring.block_s,
                        .sent = block->sent[i],
                        .lost = lost[i],
                        .size = key.size,
                        .dscp = key.dscp,
                        .delay = i < block->delay.size() ? block->delay[i] : 0});
    }
    for (const Loss& loss : block->losses) lost[loss.flow] = 0;
  }
  return result;
}

}  // namespace faultline::localize
