#include "common/zmq/link_options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::zmq {
namespace {

constexpr int kSocketsMax = 8192;  // a mesh of probes has one per peer
constexpr int kKeepaliveProbes = 3;
// Any name serves; one must be set for the ZAP handler to be asked.
constexpr std::string_view kZapDomain = "faultline";
constexpr std::array<std::string_view, 3> kWildcards{"*", "0.0.0.0", "[::]"};

int milliseconds(Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

int seconds(Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

::zmq::const_buffer key_bytes(const PublicKey& key) {
  return ::zmq::buffer(key.bytes.data(), key.bytes.size());
}

void set_common_options(Socket& socket, const crypto::KeyPair& own, const LinkOptions& options) {
  using namespace ::zmq::sockopt;
  // What matters is acknowledged and resent: closing must not block. (Sockets have another
  // `linger`.)
  socket.set(::zmq::sockopt::linger, 0);
  socket.set(sndhwm, options.queue_messages_max);
  socket.set(rcvhwm, options.queue_messages_max);
  socket.set(maxmsgsize, static_cast<std::int64_t>(options.message_bytes_max));
  socket.set(handshake_ivl, milliseconds(options.handshake_timeout));
  socket.set(ipv6, true);
  socket.set(curve_publickey, key_bytes(own.public_key));
  const auto secret = own.secret_key.bytes();
  socket.set(curve_secretkey, ::zmq::buffer(secret.data(), secret.size()));
}

void have_kernel_find_the_vanished(Socket& server, const LinkOptions& options) {
  using namespace ::zmq::sockopt;
  const int idle = seconds(options.heartbeat_timeout);
  server.set(tcp_keepalive, 1);
  server.set(tcp_keepalive_idle, idle);
  server.set(tcp_keepalive_intvl, std::max(idle / kKeepaliveProbes, 1));
  server.set(tcp_keepalive_cnt, kKeepaliveProbes);
  server.set(tcp_maxrt, 2 * milliseconds(options.heartbeat_timeout));
}

std::string reason(int error_number, std::string_view endpoint) {
  switch (error_number) {
    case EADDRINUSE:
      return "the port is in use by another process";
    case EADDRNOTAVAIL:
    case ENODEV:
      return "the address belongs to no interface of this machine";
    case EACCES:
      return "no permission; ports below 1024 need CAP_NET_BIND_SERVICE";
    case EINVAL:
    case EPROTONOSUPPORT:
      return fmt::format("\"{}\" is not an endpoint such as tcp://10.0.0.1:7400", endpoint);
    default:
      return ::zmq_strerror(error_number);
  }
}

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case EADDRINUSE:
      return ErrorCode::kConflict;
    case EACCES:
      return ErrorCode::kDenied;
    case EINVAL:
    case EPROTONOSUPPORT:
      return ErrorCode::kInvalid;
    default:
      return ErrorCode::kUnavailable;
  }
}

tl::unexpected<Error> fail_endpoint(std::string_view what, std::string_view endpoint,
                                    int error_number) {
  return fail(code_of(error_number),
              fmt::format("cannot {} {}: {}", what, endpoint, reason(error_number, endpoint)));
}

tl::unexpected<Error> fail_socket(const ::zmq::error_t& error) {
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot open a ZeroMQ socket: {}", error.what()));
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

// libzmq itself would take port 99999 and use another one.
bool is_endpoint(std::string_view text) {
  constexpr std::string_view kScheme = "tcp://";
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  const bool is_host = host.starts_with('[') ? host.ends_with(']') && host.size() > 2
                                             : !host.empty() && host.find(':') == host.npos;
  return is_host && is_port(text.substr(colon + 1));
}

// The same with "*" for any free port.
bool is_listen_endpoint(std::string_view text) {
  return is_endpoint(text) ||
         (text.ends_with(":*") && is_endpoint(fmt::format("{}1", text.substr(0, text.size() - 1))));
}

// libzmq names an IPv4 address of a dual-stack listener "tcp://[::ffff:10.0.0.1]:7400".
std::string readable_endpoint(const std::string& endpoint) {
  constexpr std::string_view kMappedV4 = "tcp://[::ffff:";
  const auto bracket = endpoint.rfind(']');
  if (!endpoint.starts_with(kMappedV4) || bracket == std::string::npos) return endpoint;
  return fmt::format("tcp://{}{}", endpoint.substr(kMappedV4.size(), bracket - kMappedV4.size()),
                     endpoint.substr(bracket + 1));
}

}  // namespace

Context make_context(int io_threads) {
  Context context{io_threads};
  context.set(::zmq::ctxopt::max_sockets, kSocketsMax);
  return context;
}

Result<Socket> make_server(Context& context, const ZapThread& /*zap*/, const crypto::KeyPair& own,
                           const LinkOptions& options) {
  using namespace ::zmq::sockopt;
  try {
    Socket socket{context, ::zmq::socket_type::router};
    set_common_options(socket, own, options);
    have_kernel_find_the_vanished(socket, options);
    socket.set(router_mandatory, true);  // a send to a peer that is gone must not vanish
    socket.set(backlog, options.backlog);
    socket.set(zap_domain, kZapDomain);
    socket.set(curve_server, true);
    return socket;
  } catch (const ::zmq::error_t& error) {
    return fail_socket(error);
  }
}

Result<Socket> make_client(Context& context, const crypto::KeyPair& own, const PublicKey& server,
                           const LinkOptions& options) {
  using namespace ::zmq::sockopt;
  try {
    Socket socket{context, ::zmq::socket_type::dealer};
    set_common_options(socket, own, options);
    socket.set(immediate, true);
    socket.set(heartbeat_ivl, milliseconds(options.heartbeat_interval));
    socket.set(heartbeat_timeout, milliseconds(options.heartbeat_timeout));
    socket.set(connect_timeout, milliseconds(options.connect_timeout));
    socket.set(reconnect_ivl, milliseconds(options.reconnect_interval));
    socket.set(reconnect_ivl_max, milliseconds(options.reconnect_interval_max));
    socket.set(curve_serverkey, key_bytes(server));
    return socket;
  } catch (const ::zmq::error_t& error) {
    return fail_socket(error);
  }
}

Status check_listen_endpoint(std::string_view endpoint) {
  if (is_listen_endpoint(endpoint)) return {};
  return fail_endpoint("listen on", endpoint, EINVAL);
}

Status check_endpoint(std::string_view endpoint) {
  if (is_endpoint(endpoint)) return {};
  return fail_endpoint("connect to", endpoint, EINVAL);
}

bool is_wildcard(std::string_view endpoint) {
  return std::ranges::any_of(kWildcards, [&](std::string_view address) {
    return endpoint.starts_with(fmt::format("tcp://{}:", address));
  });
}

Result<std::string> listen(Socket& server, std::string_view endpoint) {
  FAULTLINE_TRY_STATUS(check_listen_endpoint(endpoint));
  try {
    server.bind(std::string{endpoint});
    return readable_endpoint(server.get(::zmq::sockopt::last_endpoint));
  } catch (const ::zmq::error_t& error) {
    return fail_endpoint("listen on", endpoint, error.num());
  }
}

Status connect(Socket& client, std::string_view endpoint) {
  FAULTLINE_TRY_STATUS(check_endpoint(endpoint));
  try {
    client.connect(std::string{endpoint});
    return {};
  } catch (const ::zmq::error_t& error) {
    return fail_endpoint("connect to", endpoint, error.num());
  }
}

}  // namespace faultline::zmq
