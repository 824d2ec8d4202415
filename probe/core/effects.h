// EffectSink: what the probe's core asks of the world.
//
// Why it exists: the core decides, a shell carries out; the simulator carries out in memory.
// Effects that have an answer name the event that brings it (events.h). No function may call back
// into the core.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/control.h"
#include "common/model/mesh.h"
#include "common/model/plan.h"
#include "common/model/report.h"
#include "probe/core/events.h"
#include "probe/trace/trace_order.h"

namespace faultline::probe_core {

enum class Identity : std::uint8_t {
  kToken,
  kNode,
  kNextNode,  // the key that the node changes to
};

struct LinkTarget {
  std::string endpoint;
  PublicKey controller;
  Identity identity = Identity::kNode;

  bool operator==(const LinkTarget&) const = default;
};

// What is read of the spool: batches appended since the last welcome, and those from before.
enum class Lane : std::uint8_t { kLive, kBacklog };

// The next batches of a lane that are not acknowledged, oldest first.
struct FetchOrder {
  Lane lane = Lane::kLive;
  bool from_start = true;  // of the lane; else after those of it that were fetched last
  // A number of the running boot: the live lane begins after it, the backlog ends with it. The same
  // until a lane is read from its start.
  std::uint64_t boundary = 0;
  std::size_t batches_max = 0;

  bool operator==(const FetchOrder&) const = default;
};

enum class Severity : std::uint8_t { kInfo, kWarning };

class EffectSink {
 public:
  virtual ~EffectSink() = default;

  // Replaces the link that is open. Connecting, and connecting again, goes on in the background; a
  // handshake that takes longer than `handshake` begins anew.
  virtual void open_link(const LinkTarget& target, Duration handshake) = 0;
  virtual void close_link() = 0;
  // False: nothing was queued, because the link is not connected or its queue is full.
  virtual bool send_controller(const ProbeMessage& message) = 0;
  // False: the peer cannot be reached now. Connections are made as needed.
  virtual bool send_mesh(NodeId to, const MeshMessage& message) = 0;
  // For the controller that has the key, so that who passes it on can neither read nor change it.
  // Empty: nothing can be sealed to that key.
  [[nodiscard]] virtual std::vector<std::byte> seal(const PublicKey& controller,
                                                    const Batch& batch) = 0;
  // Empty: it is none of that controller's acknowledgements to this node.
  [[nodiscard]] virtual std::optional<BatchAck> open_ack(const PublicKey& controller,
                                                         std::span<const std::byte> sealed) = 0;

  // To the engine and the mesh: what is measured, who is answered and trusted.
  virtual void apply_plan(std::shared_ptr<const Plan> plan) = 0;
  // Flows of the plan applied last send more often for a while.
  virtual void boost(Boost boost) = 0;
  // This flow of it goes another way than before: does what it carried still pass?
  virtual void check_size(NodeId target, std::uint16_t source_port) = 0;
  virtual void stop_measuring() = 0;
  // Sends nothing more; open windows close when `grace` has passed.
  virtual void finish_measuring(Duration grace) = 0;  // WindowClosed, MeasuringEnded
  // False: refused, there will be no TraceDone.
  virtual bool trace(const trace::TraceOrder& order) = 0;  // TraceDone

  // What this node's reflector has received of a peer's sessions. False: refused, there will be no
  // ReceiptsRead.
  virtual bool read_receipts(const ReceiptsOrder& order) = 0;  // ReceiptsRead
  // A peer's answer to a ReceiptQuestion; lost, the window closes without it.
  virtual void take_receipts(const ReceiptsTold& told) = 0;

  virtual void persist_plan(std::shared_ptr<const Plan> plan) = 0;
  virtual void persist_membership(const Membership& membership) = 0;  // MembershipKept
  // A new key pair beside the node's, durably; the one that is there already, if there is one.
  virtual void make_next_key() = 0;  // NextKeyMade
  // The next key pair is the node's from now on, also on the mesh and on disk.
  virtual void adopt_next_key() = 0;

  virtual void append(Report report) = 0;           // SpoolAppended
  virtual void fetch(const FetchOrder& order) = 0;  // SpoolFetched
  virtual void release(BootId boot, const std::vector<SequenceInterval>& durable) = 0;

  // Reads this machine's own network configuration, on the worker.
  virtual void collect_facts() = 0;  // FactsCollected
  // What the controller has of it.
  virtual void facts_acknowledged(const FactsAck& ack) = 0;

  // Carries out a test that an operator ordered, beside everything else. False: too many wait.
  virtual bool order_test(const TestRequest& request) = 0;  // TestNews, several

  // The process may end: a Farewell is over.
  virtual void end() = 0;

  virtual void log(Severity severity, std::string_view area, std::string text) = 0;
};

}  // namespace faultline::probe_core
