// Controller: the process. Every thread and every queue between threads is named here.
//
//   libzmq I/O --frames--> loop: ControllerLink -> core::ControllerCore::step
//     (as many threads as "ingest"; a connection stays with one)
//   libzmq I/O --monitor--> handshakes: refusals below CURVE are counted and logged
//   loop --Workers "ingest", "ingest-2" ... (kBatchesInHandMax, in sum)--> decode report
//     --post--> loop: BatchDecoded. A node's go to the same one always, so that their order stays
//   loop --Workers "ingest", ...--> encode reports whose time was moved
//     --post--> loop --Worker "writer": the append that they belong to
//   loop --Worker "writer" (kWritesMax)--> journal, ledger --post--> loop: AppendDone, CommitDone
//   loop --Worker "solver" (1)--> core::LiveLocalizer and LiveDetector --post--> loop: SolveDone,
//     RecallDone
//   loop --Worker "planner" (kPlannerJobsMax)--> core::plan_flows, diagnose::check --post--> loop:
//     PlanningDone, CheckDone
//   loop --notify::Sender (kDeliveriesMax)--> receivers --post--> loop: DeliveryDone
//   loop --Published<TrustTable>--> zap
//   loop --Published<Snapshot>--> query threads (api::HttpServer's)
//   "change" (api::HttpServer's) --post--> loop: CreateToken, RemoveNode, RekeyController ...;
//     answered by a future; before and after each --Worker "writer"--> ledger: the audit record
//   SIGHUP: the API's certificate is read again
//
// Posts to the loop are bounded by what was handed out before: each answers one job.
//
// Startup failures are one sentence (Result). run() returns when a signal asked the process to end
// or a task failed. Thread safety: create and run on one thread.
#pragma once

#include <memory>

#include "common/base/result.h"
#include "controller/app/config.h"

namespace faultline::app {

inline constexpr std::size_t kWritesMax = 4096;

class Controller {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Controller>> create(const ControllerConfig& config);
  virtual ~Controller() = default;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Until SIGTERM or SIGINT. An Error when it had to stop for another reason.
  [[nodiscard]] virtual Status run() = 0;

 protected:
  Controller() = default;
};

}  // namespace faultline::app
