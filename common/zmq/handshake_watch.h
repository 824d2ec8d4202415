// HandshakeWatch: tells of connections to a server that end before they have proved a key.
//
// Why it exists: what is not ZeroMQ, or not CURVE (a browser, a port scan, random bytes, a peer
// that says nothing), is dropped inside libzmq without a word; the ZAP handler never hears of it.
// Here each one becomes a count and, at a limited rate, a line of the log with its address. A key
// that is refused is the ZapThread's to tell.
//
// Limits of what libzmq tells: its monitor names a connection by its descriptor only, which may be
// closed by the time it is looked up (the line then says so), and does not name the ones that
// succeed: one that ends without a reason, while others are still within their handshakes and one
// of these has succeeded, is taken as an honest one. So the count errs towards too few.
//
// It is a thread of its own, because libzmq waits for whoever reads its monitor.
// Several in a row, for servers that follow each other, may count into the same counters.
// Lifetime: made before the server listens; destroyed after the server is closed (it waits for
// that), and before the context. Thread safety: the counters may be read on any thread.
#pragma once

#include <thread>

#include <zmq.hpp>

#include "common/obs/metrics.h"

namespace faultline::zmq {

struct HandshakeCounters {
  obs::Counter failed;  // grows: something that is not Faultline finds our port
};

class HandshakeWatch {
 public:
  // `counters` outlives it.
  HandshakeWatch(::zmq::context_t& context, ::zmq::socket_t& server, HandshakeCounters& counters);
  ~HandshakeWatch();
  HandshakeWatch(const HandshakeWatch&) = delete;
  HandshakeWatch& operator=(const HandshakeWatch&) = delete;

 private:
  void run();

  ::zmq::socket_t events_;  // used by thread_ only, once that runs
  HandshakeCounters& counters_;
  std::thread thread_;
};

}  // namespace faultline::zmq
