// Link: the probe's one connection to a controller, as the core orders it: messages instead of
// bytes.
//
// Opening replaces what was open, and nothing of an earlier connection arrives any more. Whether a
// message was taken is how the core learns that a connection stands, or is lost.
//
// Thread safety: none; the loop's thread owns it. `on_event` is called on the loop, never from
// inside another function of Link, which may therefore be called from it.
#pragma once

#include <functional>
#include <memory>

#include "common/model/control.h"
#include "common/obs/metrics.h"
#include "probe/uplink/connection.h"

namespace faultline::uplink {

// As everywhere, but a restarted controller is found again well within a heartbeat.
[[nodiscard]] zmq::LinkOptions controller_link_options();

struct LinkCounters {
  obs::Counter received;
  obs::Counter sent;
  obs::Counter not_taken;  // no connection, or its queue is full: the core tries again
};

class Link {
 public:
  // A message of the controller, or why it could not be decoded.
  using EventHandler = std::function<void(Result<ControllerMessage>)>;

  Link(Environment environment, zmq::LinkOptions options, EventHandler on_event);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Fails only for a malformed endpoint or want of sockets; nothing is open then.
  [[nodiscard]] Status open(const Server& controller, const crypto::KeyPair& own,
                            Duration handshake);
  // What was sent still leaves, for so long at most.
  void close(Duration linger = Duration::zero());
  // False: nothing was queued.
  [[nodiscard]] bool send(const ProbeMessage& message);

  [[nodiscard]] const LinkCounters& counters() const { return counters_; }

 private:
  Environment environment_;
  const zmq::LinkOptions options_;
  const EventHandler on_event_;
  std::shared_ptr<Connection> connection_;
  LinkCounters counters_;
};

}  // namespace faultline::uplink
