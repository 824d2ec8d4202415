// AnswerStream: a long answer on its way from the thread that makes it to the loop that sends it.
//
// Why it exists: the producer must not run ahead of a slow reader, and must notice one that went
// away, without either side holding the other's state. The producer takes a credit per piece and
// waits when there is none; the loop returns a credit for each piece it has sent.
//
// Thread safety: produce() on the worker; everything else on the loop. Shared by both through
// shared_ptr; the loop outlives it.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "common/async/asio.h"
#include "common/async/bounded_queue.h"
#include "controller/api/routes.h"

namespace faultline::api {

class AnswerStream : public std::enable_shared_from_this<AnswerStream> {
 public:
  AnswerStream(async::asio::any_io_executor loop, std::size_t pieces_max, std::size_t piece_bytes);

  // Runs `source` to its end, or until the reader went away.
  void produce(const std::function<Status(const TextSink&)>& source);

  // The next piece; empty at the end, of which status() then tells.
  [[nodiscard]] async::awaitable<std::optional<std::string>> next();
  [[nodiscard]] const Status& status() const { return *end_; }
  // The reader went away: the producer is told so at its next piece.
  void abandon() { credits_.close(); }

 private:
  struct Credit {};

  Status send(std::string piece);

  const async::asio::any_io_executor loop_;
  const std::size_t piece_bytes_;
  async::BoundedQueue<Credit> credits_;
  // On the loop:
  std::deque<std::string> pieces_;
  std::optional<Status> end_;
  async::asio::steady_timer changed_;  // never expires; cancelled when there is something new
};

}  // namespace faultline::api
