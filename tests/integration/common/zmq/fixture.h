// A server and clients on one loop, over real TCP on loopback with CURVE and ZAP.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/async/asio.h"
#include "common/async/published.h"
#include "common/async/task_group.h"
#include "common/async/timer.h"
#include "common/crypto/keys.h"
#include "common/zmq/handshake_watch.h"
#include "common/zmq/link_options.h"
#include "common/zmq/zap_thread.h"
#include "common/zmq/zmq_socket.h"
#include "tests/support/catch.h"

namespace faultline::zmq {

inline std::span<const std::byte> octets(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

inline std::string text_of(const Received& message) { return message.body.to_string(); }

// Clients whose connection ends come back soon; and no handshake is made anew because this machine
// is busy, for they are counted.
inline LinkOptions test_options() {
  return {.handshake_timeout = std::chrono::seconds{60},
          .reconnect_interval = std::chrono::milliseconds{20},
          .reconnect_interval_max = std::chrono::milliseconds{100}};
}

// For whoever is refused, which shows only when a handshake takes too long. A busy machine may need
// as long for a good one, which is then made anew.
inline LinkOptions impatient_options() {
  auto options = test_options();
  options.handshake_timeout = std::chrono::milliseconds{200};
  return options;
}

class Fixture {
 public:
  explicit Fixture(LinkOptions options = test_options()) : options_(options) {
    auto socket = make_server(context_, zap_, server_key_, options_);
    REQUIRE(socket);
    handshakes_ = std::make_unique<HandshakeWatch>(context_, *socket, handshake_counters_);
    const auto listening = listen(*socket, "tcp://127.0.0.1:*");
    REQUIRE(listening);
    endpoint_ = *listening;
    server_ = std::make_unique<ZmqSocket>(loop_, *std::move(socket));
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  [[nodiscard]] ZmqSocket& server() { return *server_; }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] const crypto::KeyPair& server_key() const { return server_key_; }
  [[nodiscard]] const ZapThread& zap() const { return zap_; }
  [[nodiscard]] const ZapCounters& zap_counters() const { return zap_.counters(); }
  [[nodiscard]] const HandshakeCounters& handshake_counters() const { return handshake_counters_; }
  [[nodiscard]] Context& context() { return context_; }
  [[nodiscard]] async::asio::io_context& loop() { return loop_; }
  [[nodiscard]] async::TaskGroup& tasks() { return tasks_; }

  void trust(const PublicKey& key, TrustEntry entry = {}) {
    TrustTable next = *trust_.snapshot();
    next[key] = std::move(entry);
    trust_.publish(std::move(next));
  }

  [[nodiscard]] std::unique_ptr<ZmqSocket> client(const crypto::KeyPair& own) {
    return client(own, server_key_.public_key, options_);
  }
  [[nodiscard]] std::unique_ptr<ZmqSocket> client(const crypto::KeyPair& own,
                                                  const PublicKey& expected_server,
                                                  const LinkOptions& options) {
    auto socket = make_client(context_, own, expected_server, options);
    REQUIRE(socket);
    REQUIRE(connect(*socket, endpoint_));
    return std::make_unique<ZmqSocket>(loop_, *std::move(socket));
  }
  [[nodiscard]] std::unique_ptr<ZmqSocket> trusted_client() {
    const auto key = crypto::generate_key_pair();
    trust(key.public_key);
    return client(key);
  }

  // Runs the loop until `script` has ended, then stops and joins every other task.
  void run(async::awaitable<void> script) {
    tasks_.spawn("script", finish_after(std::move(script)));
    loop_.restart();
    loop_.run();
    REQUIRE(failures_ == std::vector<std::string>{});
  }

 private:
  async::awaitable<void> finish_after(async::awaitable<void> script) {
    co_await std::move(script);
    async::asio::post(loop_, [this] { tasks_.stop(); });
  }

  LinkOptions options_;
  async::asio::io_context loop_;
  Context context_ = make_context();
  async::Published<TrustTable> trust_;
  ZapThread zap_{context_, trust_};
  crypto::KeyPair server_key_ = crypto::generate_key_pair();
  std::string endpoint_;
  HandshakeCounters handshake_counters_;
  std::unique_ptr<HandshakeWatch> handshakes_;
  std::unique_ptr<ZmqSocket> server_;
  std::vector<std::string> failures_;
  async::TaskGroup tasks_{loop_, [this](std::string_view name, std::string_view what) {
                            failures_.push_back(std::string{name} + ": " + std::string{what});
                            tasks_.stop();
                          }};
};

// Sends as soon as the client is connected and let in.
inline async::awaitable<void> send_when_connected(ZmqSocket& client, std::string text) {
  while (client.try_send(octets(text)) != SendOutcome::kSent) {
    co_await async::sleep_for(std::chrono::milliseconds{1});
  }
}

}  // namespace faultline::zmq
