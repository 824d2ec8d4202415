// What the watchdog and the world are told of the product's state. Thread safety: pure.
#pragma once

#include <cstdint>
#include <string>

#include "controller/app/snapshot.h"
#include "controller/notify/watchdog.h"

namespace faultline::app {

[[nodiscard]] notify::Vitals read_vitals(const Snapshot& snapshot, std::uint64_t disk_free_bytes);

// The heartbeat "faultline.heartbeat/1" (controller/notify/webhook.md).
[[nodiscard]] std::string heartbeat_json(const Snapshot& snapshot);

}  // namespace faultline::app
