// Fleet: all simulated probes, on one loop and one libzmq context of this thread's.
//
// Thread safety: none. Bounds: LoadOptions'; run() ends at the latest when its time is over.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "common/async/asio.h"
#include "common/async/task_group.h"
#include "tests/load/load_probe.h"

namespace faultline::load {

class Fleet {
 public:
  // `base`: where window 0 begins. Live windows end from now on; of a backlog all have ended.
  Fleet(const LoadOptions& options, WallTime base, std::vector<crypto::KeyPair> keys,
        const uplink::Server& controller);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Runs until `done()`, or until the time is over: false then. `what` is told on stderr every few
  // seconds, with what was done so far.
  [[nodiscard]] bool run(std::string_view what, Duration time_max,
                         const std::function<bool()>& done);

  // From now on windows are due. All probes must have been welcomed once.
  void begin_load();

  [[nodiscard]] std::size_t welcomed() const;
  [[nodiscard]] bool all_welcomed() const { return welcomed() == probes_.size(); }
  [[nodiscard]] std::uint64_t windows_in_all() const {
    return std::uint64_t{options_.windows} * options_.shape.nodes;
  }
  [[nodiscard]] bool all_stored() const { return figures_.windows_stored == windows_in_all(); }
  [[nodiscard]] const Figures& figures() const { return figures_; }
  [[nodiscard]] Pace pace() const { return options_.pace; }
  [[nodiscard]] const Source& source() const { return source_; }
  // Of a flow's window there are two: forward and return.
  [[nodiscard]] double results(std::uint64_t windows) const {
    return 2.0 * static_cast<double>(windows) * options_.flows_per_report();
  }

 private:
  async::awaitable<void> tick();
  void tick_all();

  const LoadOptions options_;
  async::asio::io_context loop_;
  async::TaskGroup tasks_;
  zmq::Context context_;
  Source source_;
  Figures figures_;
  Rng rng_;
  std::vector<std::unique_ptr<LoadProbe>> probes_;
  bool loading_ = false;
  Instant reconnect_due_{};
};

}  // namespace faultline::load
