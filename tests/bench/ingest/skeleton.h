// The bare skeleton: what a controller cannot do without, and nothing else.
//
//   ROUTER with CURVE and ZAP -> Cap'n Proto -> sums -> one synced RocksDB write of the bytes of
//   all that has arrived -> an acknowledgement for each
//
// It exists as the yardstick of controller/app's way of a batch: no value is checked, nothing is
// deduplicated, remembered or handed on. It speaks enough of the protocol for a probe.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"
#include "common/crypto/keys.h"
#include "common/zmq/zap_thread.h"

namespace faultline::bench {

struct SkeletonOptions {
  std::string listen;
  crypto::KeyPair keys;
  zmq::TrustTable trust;
  std::filesystem::path store;
};

// Serves until the process is killed; returns only what prevents it.
[[nodiscard]] Status serve_skeleton(SkeletonOptions options);

}  // namespace faultline::bench
