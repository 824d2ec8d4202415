// The only file that includes Boost.Beast and its TLS (they take half a minute to compile).
#include "controller/api/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "controller/api/listen_socket.h"
#include "controller/api/listener.h"
#include "controller/api/session.h"
#include "controller/api/tcp_socket.h"
#include "controller/api/tls_keeper.h"

namespace faultline::api {
namespace {

using PlainStream = beast::basic_stream<StreamProtocol>;
using TlsStream = beast::ssl_stream<PlainStream>;

constexpr auto kGoodbyeTimeout = std::chrono::seconds{2};

// The stream takes a share in the context: a renewal leaves open connections alone.
asio::ssl::context share(const TlsIdentity& identity) {
  SSL_CTX_up_ref(identity.context.get());
  return asio::ssl::context(identity.context.get());
}

bool is_plain_http(const error_code& error) {
  return error.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(asio::io_context& loop, int unix_listener, async::TaskGroup& tasks, Backend& backend,
              HttpServerOptions options)
      : options_(std::move(options)),
        loop_(loop),
        tasks_(tasks),
        dispatcher_(backend, counters_),
        unix_(
            loop, unix_listener, AF_UNIX, tasks, {kConnectionsMax, kConnectionsMax}, counters_,
            [](int) { return std::string("unix"); },
            [this](StreamSocket socket) { return serve_unix(std::move(socket)); }) {}

  ~BeastServer() override { ::unlink(options_.socket_path.c_str()); }

  void add_tls(int descriptor, TlsIdentity identity) {
    tls_endpoint_ = local_endpoint(descriptor);
    keeper_ =
        std::make_unique<TlsKeeper>(loop_, options_.tls->files, std::move(identity),
                                    options_.tls->check_interval, dispatcher_.quick(), counters_);
    tasks_.spawn("api certificate", keeper_->watch());
    const int family = tls_endpoint_->address.is_v4() ? AF_INET : AF_INET6;
    tls_ = std::make_unique<Listener>(
        loop_, descriptor, family, tasks_,
        ListenerLimits{kConnectionsMax, kConnectionsPerAddressMax}, counters_,
        [](int connection) { return peer_endpoint(connection).address.to_string(); },
        [this](StreamSocket socket) { return serve_tls(std::move(socket)); });
  }

  [[nodiscard]] const HttpServerCounters& counters() const override { return counters_; }
  [[nodiscard]] std::optional<Endpoint> tls_endpoint() const override { return tls_endpoint_; }
  void record(access::AuditRecord record) override { dispatcher_.record(std::move(record)); }

  void reload_tls() override {
    if (keeper_) keeper_->reload();
  }

 private:
  awaitable<void> serve_unix(StreamSocket socket);
  awaitable<void> serve_tls(StreamSocket socket);
  awaitable<void> refuse_handshake(TlsStream& stream, error_code error);

  const HttpServerOptions options_;
  HttpServerCounters counters_;
  asio::io_context& loop_;
  async::TaskGroup& tasks_;
  Dispatcher dispatcher_;
  Listener unix_;
  std::optional<Endpoint> tls_endpoint_;
  std::unique_ptr<TlsKeeper> keeper_;
  std::unique_ptr<Listener> tls_;
};

awaitable<void> BeastServer::serve_unix(StreamSocket socket) {
  PlainStream stream(std::move(socket));
  const auto peer = peer_credentials(stream.socket().native_handle());
  auto principal = access::principal_of({.uid = peer.uid, .pid = peer.pid}, ::geteuid());
  Origin origin{.peer = principal.peer, .address = {}, .principal = std::move(principal)};
  Session<PlainStream> session(stream, std::move(origin), dispatcher_, options_, counters_);
  co_await session.run();
  error_code ignored;
  stream.socket().shutdown(StreamSocket::shutdown_send, ignored);
}

awaitable<void> BeastServer::serve_tls(StreamSocket socket) {
  const auto peer = peer_endpoint(socket.native_handle());
  auto context = share(keeper_->identity());
  TlsStream stream(std::move(socket), context);
  beast::get_lowest_layer(stream).expires_after(options_.tls->handshake_timeout);
  error_code error;
  co_await stream.async_handshake(asio::ssl::stream_base::server,
                                  asio::redirect_error(use_awaitable, error));
  if (error) {
    co_await refuse_handshake(stream, error);
    co_return;
  }
  Origin origin{.peer = to_string(peer), .address = peer.address.to_string(), .principal = {}};
  Session<TlsStream> session(stream, std::move(origin), dispatcher_, options_, counters_);
  co_await session.run();
  beast::get_lowest_layer(stream).expires_after(kGoodbyeTimeout);
  co_await stream.async_shutdown(asio::redirect_error(use_awaitable, error));
}

// Who speaks HTTP without TLS is a person with the wrong URL: he is told, in his own language.
awaitable<void> BeastServer::refuse_handshake(TlsStream& stream, error_code error) {
  counters_.handshakes_failed.add();
  if (is_timeout(error)) counters_.timeouts.add();
  if (!is_plain_http(error)) co_return;
  auto refusal = error_response({ErrorCode::kInvalid, "this port speaks TLS: use https://"});
  const auto message = message_of(std::move(refusal), false);
  auto& plain = beast::get_lowest_layer(stream);
  plain.expires_after(kGoodbyeTimeout);
  co_await http::async_write(plain, message, asio::redirect_error(use_awaitable, error));
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::io_context& loop,
                                                       async::TaskGroup& tasks, Backend& backend,
                                                       HttpServerOptions options) {
  TlsIdentity identity;
  if (options.tls) {
    FAULTLINE_TRY(identity, load_tls_identity(options.tls->files));
  }
  FAULTLINE_TRY(const int listener, listen_unix(options.socket_path, options.socket_group));
  int tls_listener = -1;
  if (options.tls) {
    auto bound = listen_tcp(options.tls->listen);
    if (!bound) {
      ::close(listener);
      ::unlink(options.socket_path.c_str());
      return tl::unexpected(std::move(bound).error());
    }
    tls_listener = *bound;
  }
  auto server = std::make_unique<BeastServer>(loop, listener, tasks, backend, std::move(options));
  if (tls_listener >= 0) server->add_tls(tls_listener, std::move(identity));
  return server;
}

}  // namespace faultline::api
