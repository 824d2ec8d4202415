#include "controller/api/answer_stream.h"

#include <utility>

namespace faultline::api {

namespace asio = async::asio;

AnswerStream::AnswerStream(asio::any_io_executor loop, std::size_t pieces_max,
                           std::size_t piece_bytes)
    : loop_(std::move(loop)),
      piece_bytes_(piece_bytes),
      credits_({.capacity = pieces_max, .policy = async::OverflowPolicy::kReject, .on_ready = {}}),
      changed_(loop_, asio::steady_timer::time_point::max()) {
  for (std::size_t i = 0; i < pieces_max; ++i) credits_.push({});
}

void AnswerStream::produce(const std::function<Status(const TextSink&)>& source) {
  std::string piece;
  const TextSink sink = [&](std::string_view text) -> Status {
    piece += text;
    return piece.size() < piece_bytes_ ? Status{} : send(std::exchange(piece, {}));
  };
  auto status = source(sink);
  if (status && !piece.empty()) status = send(std::move(piece));
  asio::post(loop_, [self = shared_from_this(), status = std::move(status)]() mutable {
    self->end_ = std::move(status);
    self->changed_.cancel();
  });
}

Status AnswerStream::send(std::string piece) {
  if (!credits_.pop_wait()) return fail(ErrorCode::kUnavailable, "the reader went away");
  asio::post(loop_, [self = shared_from_this(), piece = std::move(piece)]() mutable {
    self->pieces_.push_back(std::move(piece));
    self->changed_.cancel();
  });
  return {};
}

async::awaitable<std::optional<std::string>> AnswerStream::next() {
  while (pieces_.empty() && !end_) {
    async::error_code ignored;
    co_await changed_.async_wait(asio::redirect_error(async::use_awaitable, ignored));
  }
  if (pieces_.empty()) co_return std::nullopt;
  auto piece = std::move(pieces_.front());
  pieces_.pop_front();
  credits_.push({});
  co_return piece;
}

}  // namespace faultline::api
