// Bits in strings, and the code for small numbers that columns are made of. Pure.
//
// Rice's code writes a number as its upper part in unary and its k lower bits as they are: for
// residuals that become rarer as they grow (Golomb's geometric case) it stays within a tenth of a
// bit of their entropy, needs no table, and a column of 60 values pays 6 bits for its k. What has
// more than kUnaryMax ones in front is written whole, so that a stray value costs 96 bits and not
// 2^20.
//
// A BitReader never reads beyond its bytes: once failed it yields zeros.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace faultline::store {

// Small magnitudes of either sign become small numbers: 0, -1, 1, -2 ... -> 0, 1, 2, 3 ...
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t from_zigzag(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
}

class BitWriter {
 public:
  // Precondition: count <= 64, and value < 2^count.
  void put(std::uint64_t value, unsigned count) {
    if (count > 32) {
      put_short(value >> 32, count - 32);
      count = 32;
      value &= 0xffffffff;
    }
    put_short(value, count);
  }
  void put_rice(std::uint64_t value, unsigned k) {
    const std::uint64_t upper = value >> k;
    if (upper >= kUnaryMax) {
      put(kEscape, kUnaryMax);
      put(value, 64);
      return;
    }
    put(((1ULL << upper) - 1) << 1, static_cast<unsigned>(upper) + 1);
    put(value & ((1ULL << k) - 1), k);
  }
  // Seven bits at a time with a mark that more follow.
  void put_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) put((value & 0x7f) | 0x80, 8);
    put(value, 8);
  }
  // Fills up the last byte. The writer is empty afterwards.
  [[nodiscard]] std::string finish() {
    if (held_ > 0) bytes_.push_back(static_cast<char>(pending_ << (8 - held_) & 0xff));
    pending_ = held_ = 0;
    return std::move(bytes_);
  }

  static constexpr unsigned kUnaryMax = 32;
  static constexpr std::uint64_t kEscape = (1ULL << kUnaryMax) - 1;

 private:
  void put_short(std::uint64_t value, unsigned count) {
    pending_ = pending_ << count | value;
    for (held_ += count; held_ >= 8;) {
      held_ -= 8;
      bytes_.push_back(static_cast<char>(pending_ >> held_ & 0xff));
    }
  }

  std::string bytes_;
  std::uint64_t pending_ = 0;  // the lowest held_ bits are still to be written
  unsigned held_ = 0;          // below 8 between calls
};

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t take(unsigned count) {
    if (count > 32) {
      const std::uint64_t upper = take_short(count - 32);
      return upper << 32 | take_short(32);
    }
    return take_short(count);
  }
  [[nodiscard]] std::uint64_t take_rice(unsigned k) {
    refill();
    // held_ >= 57 here unless the end is near, where zeros are appended: both end the ones.
    const unsigned ones =
        held_ == 0 ? 0 : static_cast<unsigned>(std::countl_one(pending_ << (64 - held_)));
    if (ones >= BitWriter::kUnaryMax) {
      static_cast<void>(take_short(BitWriter::kUnaryMax));
      return take(64);
    }
    static_cast<void>(take_short(ones + 1));
    return (static_cast<std::uint64_t>(ones) << k) | take(k);
  }
  [[nodiscard]] std::uint64_t take_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t byte = take_short(8);
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    failed_ = true;
    return 0;
  }
  // A count of things that take at least a bit each: more than there are bits is damage.
  [[nodiscard]] std::size_t take_count(std::size_t max) {
    const std::uint64_t count = take_varint();
    if (count <= max) return static_cast<std::size_t>(count);
    failed_ = true;
    return 0;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  // All was read, but for the bits that fill up the last byte.
  [[nodiscard]] bool done() const { return !failed_ && at_ == bytes_.size() && held_ < 8; }

 private:
  void refill() {
    while (held_ <= 56 && at_ < bytes_.size()) {
      pending_ = pending_ << 8 | static_cast<unsigned char>(bytes_[at_++]);
      held_ += 8;
    }
  }
  std::uint64_t take_short(unsigned count) {
    if (count == 0) return 0;
    refill();
    if (held_ < count) {
      failed_ = true;
      held_ = 0;
      at_ = bytes_.size();
      return 0;
    }
    held_ -= count;
    return pending_ >> held_ & ((1ULL << count) - 1);
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::uint64_t pending_ = 0;  // the lowest held_ bits are still to be taken
  unsigned held_ = 0;
  bool failed_ = false;
};

// The k that makes numbers of this sum the shortest: about log2 of their mean.
[[nodiscard]] constexpr unsigned rice_parameter(std::uint64_t sum, std::size_t count) {
  if (count == 0 || sum < count) return 0;
  return static_cast<unsigned>(std::bit_width(sum / count)) - 1;
}

}  // namespace faultline::store
