// How every ZeroMQ link is set up: the one place for limits, heartbeats, retries and CURVE.
//
// A server is a ROUTER that peers connect to, a client a DEALER to exactly one server: a DEALER
// with two connections would deal its messages out among them, so each controller gets a socket of
// its own. Routing ids are the ROUTER's own (a peer cannot choose one) and are never handed over.
// Only clients ping. libzmq looks a connection's timers up among those of all connections, at each
// message: a server that pings 4,000 probes spends more on that than on all else
// (tests/bench/ingest). Whoever vanished from a server without a word is found by its kernel: TCP
// keepalive, and the user timeout of what was sent (RFC 5482). Thread safety: a socket belongs to
// the thread that uses it; setting one up does not block.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <zmq.hpp>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/crypto/keys.h"
#include "common/model/control.h"
#include "common/model/ids.h"

namespace faultline::zmq {

using Context = ::zmq::context_t;
using Socket = ::zmq::socket_t;

class ZapThread;

// One I/O thread carries 4,000 CURVE handshakes in 2 s. libzmq deals connections out among several:
// each stays with one, so the order of its messages does too.
[[nodiscard]] Context make_context(int io_threads = 1);

struct LinkOptions {
  // Messages queued per peer and direction; at the limit try_send says so and the caller sheds.
  int queue_messages_max = 1000;
  // A longer message ends the connection before it is read. Unset, a stranger fills the memory.
  std::size_t message_bytes_max = kControlMessageMax;
  // A client leaves a server that is silent for the timeout, though pinged; a server a client whose
  // machine is silent for twice as long.
  Duration heartbeat_interval = std::chrono::seconds{3};
  Duration heartbeat_timeout = std::chrono::seconds{9};
  // Also how soon a client that was refused tries again: the refusal is silent (zap_thread.h).
  Duration handshake_timeout = std::chrono::seconds{3};
  Duration connect_timeout = std::chrono::seconds{3};
  // The first retry, and the limit of its doubling. Both are jittered by libzmq.
  Duration reconnect_interval = std::chrono::milliseconds{200};
  Duration reconnect_interval_max = std::chrono::seconds{4};
  // Connections the kernel holds for accept(): with the default of 100, 4,000 probes need 15 s.
  int backlog = 4096;
};

// The ZapThread is asked for because without one libzmq lets everybody in.
[[nodiscard]] Result<Socket> make_server(Context& context, const ZapThread& zap,
                                         const crypto::KeyPair& own,
                                         const LinkOptions& options = {});
// Nothing is queued for a server that is not connected and authenticated: try_send says kFull.
[[nodiscard]] Result<Socket> make_client(Context& context, const crypto::KeyPair& own,
                                         const PublicKey& server, const LinkOptions& options = {});

// Endpoints are "tcp://ADDRESS:PORT", IPv6 addresses in brackets; listen() takes "*" as address and
// as port (a free one), and returns the endpoint with what was chosen.
[[nodiscard]] Result<std::string> listen(Socket& server, std::string_view endpoint);
// Succeeds for every well-formed endpoint; the connection is made, and made again, in the
// background.
[[nodiscard]] Status connect(Socket& client, std::string_view endpoint);

// What listen() and connect() would refuse without trying.
[[nodiscard]] Status check_listen_endpoint(std::string_view endpoint);
[[nodiscard]] Status check_endpoint(std::string_view endpoint);
// Its address is that of no machine in particular ("*", 0.0.0.0, [::]): nobody can connect to it.
[[nodiscard]] bool is_wildcard(std::string_view endpoint);

}  // namespace faultline::zmq
