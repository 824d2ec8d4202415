// The only file that includes Boost.Beast.
#include "controller/api/http_server.h"

#include <unistd.h>

#include <fmt/format.h>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "common/async/offload.h"
#include "common/async/timer.h"
#include "common/async/worker.h"
#include "common/obs/log.h"
#include "controller/api/answer_stream.h"
#include "controller/api/listen_socket.h"
#include "controller/api/routes.h"

namespace faultline::api {
namespace {

namespace asio = async::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using async::awaitable;
using async::error_code;
using async::use_awaitable;
using UnixStream = beast::basic_stream<asio::local::stream_protocol>;
using Acceptor = asio::local::stream_protocol::acceptor;

constexpr auto kAcceptRetry = std::chrono::milliseconds{100};

bool is_timeout(const error_code& error) { return error == beast::error::timeout; }

// What a request that is not one gets, or nothing when the peer just left.
std::optional<Response> response_to(const error_code& error) {
  const auto refuse = [](unsigned status, const char* message) {
    auto response = error_response({ErrorCode::kInvalid, message});
    response.status = status;
    return response;
  };
  if (error == http::error::body_limit) return refuse(413, "the request body is too large");
  if (error == http::error::header_limit) return refuse(431, "the request header is too large");
  if (error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return refuse(400, "this is not an HTTP/1.1 request");
  }
  return std::nullopt;
}

http::response<http::string_body> message_of(Response response, bool keep_alive) {
  http::response<http::string_body> message{http::int_to_status(response.status), 11};
  message.set(http::field::server, "faultline-controller");
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  if (!response.allow.empty()) message.set(http::field::allow, response.allow);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(asio::io_context& loop, int listener, async::TaskGroup& tasks, Backend& backend,
              HttpServerOptions options)
      : options_(std::move(options)),
        acceptor_(loop, asio::local::stream_protocol{}, listener),
        slot_free_(loop, asio::steady_timer::time_point::max()),
        tasks_(tasks),
        backend_(backend) {
    tasks_.spawn("api", accept_all());
  }
  ~BeastServer() override { ::unlink(options_.socket_path.c_str()); }

  [[nodiscard]] const HttpServerCounters& counters() const override { return counters_; }

 private:
  // Counts the connection for as long as its coroutine lives.
  struct Slot {
    BeastServer& server;

    explicit Slot(BeastServer& owner) : server(owner) { ++server.connections_; }
    ~Slot() {
      --server.connections_;
      server.slot_free_.cancel();
    }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
  };

  struct Peer {
    UnixStream stream;
    PeerCredentials credentials;
  };

  awaitable<void> accept_all();
  awaitable<void> serve(asio::local::stream_protocol::socket socket);
  awaitable<std::optional<Request>> read_request(Peer& peer, beast::flat_buffer& buffer,
                                                 bool& keep_alive);
  awaitable<bool> answer(Peer& peer, Request request, bool keep_alive);
  awaitable<bool> send(Peer& peer, Response response, bool keep_alive);
  awaitable<bool> send_stream(Peer& peer, Response response, bool keep_alive);
  awaitable<bool> send_pieces(Peer& peer, AnswerStream& pieces, std::string first, bool keep_alive);
  void count(const Response& response);

  const HttpServerOptions options_;
  HttpServerCounters counters_;
  Acceptor acceptor_;
  std::size_t connections_ = 0;
  asio::steady_timer slot_free_;  // never expires; cancelled when a connection ends
  async::TaskGroup& tasks_;
  Backend& backend_;
  async::Worker query_quick_{{.name = "query-quick", .jobs_max = kQueriesQueuedMax}};
  async::Worker query_{{.name = "query", .jobs_max = kQueriesQueuedMax}};
  async::Worker query_stream_{{.name = "query-stream", .jobs_max = kStreamsQueuedMax}};
};

awaitable<void> BeastServer::accept_all() {
  while (acceptor_.is_open()) {
    if (connections_ >= kConnectionsMax) {
      counters_.connections_waited.add();
      error_code ignored;
      co_await slot_free_.async_wait(asio::redirect_error(use_awaitable, ignored));
      continue;
    }
    error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, error));
    if (!error) {
      counters_.connections.add();
      tasks_.spawn("api connection", serve(std::move(socket)));
    } else if (error == asio::error::operation_aborted) {
      co_return;
    } else {
      obs::log_warning("api", "cannot accept a connection: {}", error.message());
      co_await async::sleep_for(kAcceptRetry);
    }
  }
}

awaitable<void> BeastServer::serve(asio::local::stream_protocol::socket socket) {
  const Slot slot(*this);
  Peer peer{UnixStream(std::move(socket)), {}};
  peer.credentials = peer_credentials(peer.stream.socket().native_handle());
  beast::flat_buffer buffer;
  bool keep_alive = true;
  while (keep_alive) {
    auto request = co_await read_request(peer, buffer, keep_alive);
    if (!request) break;
    keep_alive = co_await answer(peer, std::move(*request), keep_alive);
  }
  error_code ignored;
  peer.stream.socket().shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
}

awaitable<std::optional<Request>> BeastServer::read_request(Peer& peer, beast::flat_buffer& buffer,
                                                            bool& keep_alive) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(kRequestHeaderMax);
  parser.body_limit(kRequestBodyMax);
  peer.stream.expires_after(options_.request_timeout);
  error_code error;
  co_await http::async_read(peer.stream, buffer, parser,
                            asio::redirect_error(use_awaitable, error));
  if (error) {
    if (is_timeout(error)) counters_.timeouts.add();
    if (auto refusal = response_to(error)) {
      counters_.malformed.add();
      co_await send(peer, std::move(*refusal), false);
    }
    co_return std::nullopt;
  }
  auto message = parser.release();
  keep_alive = message.keep_alive();
  co_return Request{.method = std::string{message.method_string()},
                    .target = std::string{message.target()},
                    .body = std::move(message.body())};
}

awaitable<bool> BeastServer::answer(Peer& peer, Request request, bool keep_alive) {
  counters_.requests.add();
  const auto mutation =
      is_mutation(request.method) ? fmt::format("{} {}", request.method, request.target) : "";
  auto& worker = is_quick(request) ? query_quick_ : query_;
  auto job = [this, asked = std::move(request)]() -> Result<Response> {
    return handle(asked, backend_);
  };
  auto response = co_await async::offload(worker, std::move(job));
  if (!response) {
    counters_.overloaded.add();
    response =
        error_response({ErrorCode::kUnavailable, "too many queries wait already; try again"});
  }
  if (!mutation.empty()) {
    obs::log_info("api", "{} by uid {} (pid {}): {}", mutation, peer.credentials.uid,
                  peer.credentials.pid, response->status);
  }
  if (response->stream) co_return co_await send_stream(peer, std::move(*response), keep_alive);
  co_return co_await send(peer, std::move(*response), keep_alive);
}

void BeastServer::count(const Response& response) {
  if (response.status >= 500) counters_.failed.add();
  if (response.status >= 400 && response.status < 500) counters_.refused.add();
}

// False when the connection is to be closed.
awaitable<bool> BeastServer::send(Peer& peer, Response response, bool keep_alive) {
  count(response);
  const auto message = message_of(std::move(response), keep_alive);
  peer.stream.expires_after(options_.write_timeout);
  error_code error;
  co_await http::async_write(peer.stream, message, asio::redirect_error(use_awaitable, error));
  if (is_timeout(error)) counters_.timeouts.add();
  co_return keep_alive && !error;
}

awaitable<bool> BeastServer::send_stream(Peer& peer, Response response, bool keep_alive) {
  auto pieces = std::make_shared<AnswerStream>(peer.stream.get_executor(), kStreamPiecesMax,
                                               kStreamPieceBytes);
  // Whichever way this coroutine ends, the producer must not wait for a reader that is gone.
  const std::unique_ptr<AnswerStream, void (*)(AnswerStream*)> reader(
      pieces.get(), [](AnswerStream* stream) { stream->abandon(); });
  auto job = [pieces, source = std::move(response.stream)] { pieces->produce(source); };
  if (!query_stream_.post(std::move(job))) {
    counters_.overloaded.add();
    auto busy =
        error_response({ErrorCode::kUnavailable, "other bundles are being read; try again"});
    co_return co_await send(peer, std::move(busy), keep_alive);
  }
  auto first = co_await pieces->next();
  if (!first && !pieces->status()) {
    auto failure = error_response(pieces->status().error());
    co_return co_await send(peer, std::move(failure), keep_alive);
  }
  http::response<http::empty_body> head{http::status::ok, 11};
  head.set(http::field::server, "faultline-controller");
  head.set(http::field::content_type, response.content_type);
  head.chunked(true);
  head.keep_alive(keep_alive);
  http::response_serializer<http::empty_body> serializer{head};
  peer.stream.expires_after(options_.write_timeout);
  error_code error;
  co_await http::async_write_header(peer.stream, serializer,
                                    asio::redirect_error(use_awaitable, error));
  if (error) co_return false;
  auto begin = std::move(first).value_or("");
  co_return co_await send_pieces(peer, *pieces, std::move(begin), keep_alive);
}

awaitable<bool> BeastServer::send_pieces(Peer& peer, AnswerStream& pieces, std::string first,
                                         bool keep_alive) {
  error_code error;
  for (std::optional<std::string> piece = std::move(first); piece; piece = co_await pieces.next()) {
    if (piece->empty()) continue;
    peer.stream.expires_after(options_.write_timeout);
    const auto chunk = http::make_chunk(asio::buffer(*piece));
    co_await asio::async_write(peer.stream, chunk, asio::redirect_error(use_awaitable, error));
    if (is_timeout(error)) counters_.timeouts.add();
    if (error) co_return false;
  }
  if (!pieces.status()) {
    obs::log_warning("api", "an answer broke off: {}", pieces.status().error().context);
    co_return false;  // without the last chunk the reader knows that something is missing
  }
  const auto last = http::make_chunk_last();
  co_await asio::async_write(peer.stream, last, asio::redirect_error(use_awaitable, error));
  co_return keep_alive && !error;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::io_context& loop,
                                                       async::TaskGroup& tasks, Backend& backend,
                                                       HttpServerOptions options) {
  FAULTLINE_TRY(const int listener, listen_unix(options.socket_path, options.socket_group));
  return std::make_unique<BeastServer>(loop, listener, tasks, backend, std::move(options));
}

}  // namespace faultline::api
