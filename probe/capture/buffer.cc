#include "probe/capture/buffer.h"

#include <algorithm>

#include "common/capture/packet.h"

namespace faultline::capture {
namespace {

constexpr std::size_t kBlockBytes = 36;  // of a packet block, with padding

}  // namespace

bool Buffer::offer(const Offered& offered) {
  if (full_since_) return false;
  const auto packet = parse(offered.link_type, offered.octets);
  if (!packet) return true;
  const auto belongs = classify(*packet, wanted_);
  if (belongs == Belongs::kNo) return true;
  const auto kept = offered.octets.first(std::min<std::size_t>(offered.octets.size(), kSnapLength));
  const auto bytes = kept.size() + kBlockBytes;
  const bool other = belongs == Belongs::kOther;
  if (other &&
      (others_ >= limits_.frames_max / 4 || others_bytes_ + bytes > limits_.bytes_max / 4)) {
    ++others_left_out_;
    return true;
  }
  // The others' quarter is not the own ones' to take, nor the other way round.
  const bool no_room = !other && (frames_.size() - others_ >= limits_.frames_max / 4 * 3 ||
                                  bytes_ - others_bytes_ + bytes > limits_.bytes_max / 4 * 3);
  if (no_room) {
    full_since_ = offered.at;
    return false;
  }
  frames_.push_back({.interface = offered.interface,
                     .at = offered.at,
                     .size = offered.size,
                     .octets = {kept.begin(), kept.end()}});
  bytes_ += bytes;
  if (other) {
    ++others_;
    others_bytes_ += bytes;
  }
  return true;
}

}  // namespace faultline::capture
