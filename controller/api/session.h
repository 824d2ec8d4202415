// For http_server.cc only (Boost.Beast compiles once): one connection, HTTP/1.1 with keep-alive.
//
// Why it exists: the same conversation runs on the unix socket and inside TLS; `Stream` is a
// beast::basic_stream or an ssl_stream on one. It moves bytes within limits and times; what to
// answer is the Dispatcher's.
//
// Thread safety: none; it lives on the loop. Lifetime: everything given to it outlives run().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>

#include "common/obs/log.h"
#include "controller/api/answer_stream.h"
#include "controller/api/dispatcher.h"
#include "controller/api/http_message.h"
#include "controller/api/http_server.h"

namespace faultline::api {

namespace asio = async::asio;
using async::awaitable;
using async::error_code;
using async::use_awaitable;

inline bool is_timeout(const error_code& error) { return error == beast::error::timeout; }

template <typename Stream>
class Session {
 public:
  Session(Stream& stream, Origin origin, Dispatcher& dispatcher, const HttpServerOptions& options,
          HttpServerCounters& counters)
      : stream_(stream),
        origin_(std::move(origin)),
        dispatcher_(dispatcher),
        options_(options),
        counters_(counters) {}

  // Until the peer has asked enough, or did something wrong.
  awaitable<void> run() {
    while (keep_alive_) {
      auto message = co_await read();
      if (!message) co_return;
      auto token = bearer_token(*message);
      auto response =
          co_await dispatcher_.answer(request_of(std::move(*message)), std::move(token), origin_);
      // Who is nobody starts anew, so that trying tokens costs him a handshake each.
      if (response.status == 401 || response.status == 429) keep_alive_ = false;
      if (response.stream) {
        co_await send_stream(std::move(response));
      } else {
        co_await send(std::move(response));
      }
    }
  }

 private:
  void expires_after(Duration duration) {
    beast::get_lowest_layer(stream_).expires_after(duration);
  }

  awaitable<std::optional<HttpRequest>> read() {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kRequestHeaderMax);
    parser.body_limit(kRequestBodyMax);
    expires_after(options_.request_timeout);
    error_code error;
    co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(use_awaitable, error));
    if (error) {
      if (is_timeout(error)) counters_.timeouts.add();
      if (auto refusal = response_to(error)) {
        counters_.malformed.add();
        keep_alive_ = false;
        co_await send(std::move(*refusal));
      }
      co_return std::nullopt;
    }
    keep_alive_ = parser.get().keep_alive();
    co_return parser.release();
  }

  void count(const Response& response) {
    if (response.status >= 500) counters_.failed.add();
    if (response.status >= 400 && response.status < 500) counters_.refused.add();
  }

  void note(const error_code& error) {
    if (is_timeout(error)) counters_.timeouts.add();
    if (error) keep_alive_ = false;
  }

  awaitable<void> send(Response response) {
    count(response);
    const auto message = message_of(std::move(response), keep_alive_);
    expires_after(options_.write_timeout);
    error_code error;
    co_await http::async_write(stream_, message, asio::redirect_error(use_awaitable, error));
    note(error);
  }

  awaitable<void> send_stream(Response response) {
    auto pieces =
        std::make_shared<AnswerStream>(stream_.get_executor(), kStreamPiecesMax, kStreamPieceBytes);
    // Whichever way this coroutine ends, the producer must not wait for a reader that is gone.
    const std::unique_ptr<AnswerStream, void (*)(AnswerStream*)> reader(
        pieces.get(), [](AnswerStream* stream) { stream->abandon(); });
    if (!dispatcher_.produce(pieces, std::move(response.stream))) {
      co_await send(error_response(
          {ErrorCode::kUnavailable, "other bundles or exports are being read; try again"}));
      co_return;
    }
    auto first = co_await pieces->next();
    if (!first && !pieces->status()) {
      co_await send(error_response(pieces->status().error()));
      co_return;
    }
    auto head = chunked_head(response, keep_alive_);
    http::response_serializer<http::empty_body> serializer{head};
    expires_after(options_.write_timeout);
    error_code error;
    co_await http::async_write_header(stream_, serializer,
                                      asio::redirect_error(use_awaitable, error));
    note(error);
    if (!error) co_await send_pieces(*pieces, std::move(first).value_or(""));
  }

  awaitable<void> send_pieces(AnswerStream& pieces, std::string first) {
    error_code error;
    for (std::optional<std::string> piece = std::move(first); piece;
         piece = co_await pieces.next()) {
      if (piece->empty()) continue;
      expires_after(options_.write_timeout);
      const auto chunk = http::make_chunk(asio::buffer(*piece));
      co_await asio::async_write(stream_, chunk, asio::redirect_error(use_awaitable, error));
      note(error);
      if (error) co_return;
    }
    if (!pieces.status()) {
      obs::log_warning("api", "an answer broke off: {}", pieces.status().error().context);
      keep_alive_ = false;  // without the last chunk the reader knows that something is missing
      co_return;
    }
    const auto last = http::make_chunk_last();
    co_await asio::async_write(stream_, last, asio::redirect_error(use_awaitable, error));
    note(error);
  }

  Stream& stream_;
  const Origin origin_;
  Dispatcher& dispatcher_;
  const HttpServerOptions& options_;
  HttpServerCounters& counters_;
  beast::flat_buffer buffer_;
  bool keep_alive_ = true;
};

}  // namespace faultline::api
