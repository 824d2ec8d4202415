// ZapThread: decides at each CURVE handshake whether the client's key may connect (ZeroMQ RFC 27).
//
// A key in the trust table is let in, and every message of that connection carries it as its
// sender. Any other is refused with status 300, silently: after a 400 libzmq's client would give up
// for good, even if its key were trusted a second later. A revoked key keeps its open connection;
// who must not be heard any longer is told by checking the table for every message.
//
// It is a thread of its own because libzmq waits for the answer: on a busy loop 4,000 joins stalled
// by 2.5 s. Lines about refusals are limited, since a stranger causes them.
// Thread safety: it only reads the published table, so the owner of the table may replace it at any
// time. Lifetime: made before the first server of its context, destroyed after the last.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <thread>

#include <zmq.hpp>

#include "common/async/published.h"
#include "common/model/ids.h"
#include "common/obs/metrics.h"

namespace faultline::zmq {

enum class Admission : std::uint8_t {
  kAdmitted,
  kSpentToken  // refused, but known: somebody uses a join token twice
};

struct TrustEntry {
  Admission admission = Admission::kAdmitted;
  std::string label = {};  // of a spent token: which node it made, for the log

  bool operator==(const TrustEntry&) const = default;
};

using TrustTable = std::map<PublicKey, TrustEntry>;

struct ZapCounters {
  obs::Counter admitted;
  obs::Counter refused_unknown;      // grows steadily: a node with a removed or foreign key
  obs::Counter refused_spent_token;  // above zero: a join token was used twice
  obs::Counter malformed;            // above zero: a bug, here or in libzmq
};

class ZapThread {
 public:
  // One per context; the table must outlive it.
  ZapThread(::zmq::context_t& context, const async::Published<TrustTable>& trust);
  ~ZapThread();
  ZapThread(const ZapThread&) = delete;
  ZapThread& operator=(const ZapThread&) = delete;

  [[nodiscard]] const ZapCounters& counters() const { return counters_; }

 private:
  void run();

  const async::Published<TrustTable>& trust_;
  ::zmq::socket_t requests_;  // used by thread_ only, once that runs
  int stop_event_;            // an eventfd
  ZapCounters counters_;
  std::thread thread_;
};

}  // namespace faultline::zmq
