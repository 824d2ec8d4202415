// Buffer: the frames that are kept of a capture, bounded.
//
// At the limit the capture is over: what is not in it after that says nothing, so that its end is
// the time of the first frame that found no room. Frames that may be another peer's have a quarter
// of the room and are counted beyond it; they end nothing.
//
// Pure; thread safety: none needed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/capture/pcapng.h"
#include "probe/capture/filter.h"

namespace faultline::capture {

inline constexpr std::uint32_t kSnapLength = 256;  // octets of a frame that are kept

struct Limits {
  std::size_t frames_max = 1500;
  std::size_t bytes_max = 340 << 10;  // as a file; a report has 512 KiB, a third of it base64
};

class Buffer {
 public:
  Buffer(Wanted wanted, Limits limits) : wanted_(wanted), limits_(limits) {}

  struct Offered {
    std::uint32_t interface = 0;
    std::uint16_t link_type = 0;
    WallTime at{};
    std::uint32_t size = 0;  // on the wire
    std::span<const std::byte> octets{};
  };
  // False: the capture is over, and the frame was not kept.
  bool offer(const Offered& offered);

  [[nodiscard]] bool full() const { return full_since_.has_value(); }
  [[nodiscard]] std::optional<WallTime> full_since() const { return full_since_; }
  [[nodiscard]] std::size_t own() const { return frames_.size() - others_; }
  [[nodiscard]] std::uint64_t others_left_out() const { return others_left_out_; }
  [[nodiscard]] std::vector<Frame> take() { return std::move(frames_); }

 private:
  const Wanted wanted_;
  const Limits limits_;
  std::vector<Frame> frames_;
  std::size_t bytes_ = 0;
  std::size_t others_ = 0;
  std::size_t others_bytes_ = 0;
  std::uint64_t others_left_out_ = 0;
  std::optional<WallTime> full_since_;
};

}  // namespace faultline::capture
