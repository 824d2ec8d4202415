// record(): listens with libpcap until the time is over, the buffer is full or it is told to stop.
//
// Blocks its thread. Needs CAP_NET_RAW; kDenied says so.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/capture/pcapng.h"
#include "probe/capture/buffer.h"
#include "probe/capture/filter.h"

namespace faultline::capture {

struct Recording {
  Wanted wanted{};
  std::string interface {};  // of the route to the remote address
  Duration time{};
  Limits limits{};
  std::string comment{};
};

struct Recorded {
  CaptureFile file{};
  std::size_t own = 0;                // frames that belong to the conversation for certain
  std::uint64_t others_left_out = 0;  // frames that may be another peer's, beyond their share
  std::uint64_t dropped = 0;          // by the kernel, for want of room
  bool full = false;                  // ended by a limit
};

struct RecordContext {
  std::stop_token stop{};
  std::function<void(std::string_view)> progress{};  // once it listens, then once per second
};

[[nodiscard]] Result<Recorded> record(const Recording& recording, const RecordContext& context);

}  // namespace faultline::capture
