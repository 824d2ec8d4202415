// A real HTTP server on loopback that answers as it is told, or not at all.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/async/bounded_queue.h"
#include "tests/support/catch.h"

namespace faultline::notify {

// Accepts one connection after the other, hands on what it read, and answers with a fixed text.
// With an empty answer it keeps the connection open and says nothing.
class HttpReceiver {
 public:
  explicit HttpReceiver(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(listener_, 16) == 0);
    socklen_t size = sizeof(address);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpReceiver() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/hook";
  }
  [[nodiscard]] std::string request() { return requests_.pop_wait().value_or(""); }
  // One that has arrived; empty: none has.
  [[nodiscard]] std::optional<std::string> next_request() { return requests_.try_pop(); }

 private:
  void serve() {
    std::vector<int> kept;
    for (int peer = ::accept(listener_, nullptr, nullptr); peer >= 0;
         peer = ::accept(listener_, nullptr, nullptr)) {
      requests_.push(read_request(peer));
      if (answer_.empty()) {
        kept.push_back(peer);
        continue;
      }
      (void)!::write(peer, answer_.data(), answer_.size());
      ::close(peer);
    }
    for (const int peer : kept) ::close(peer);
  }

  // Up to the end of the body that Content-Length announces.
  static std::string read_request(int peer) {
    std::string text;
    char buffer[4096];
    while (true) {
      const auto head = text.find("\r\n\r\n");
      const auto length = text.find("Content-Length: ");
      if (head != std::string::npos && length != std::string::npos &&
          text.size() >= head + 4 + std::stoul(text.substr(length + 16))) {
        return text;
      }
      const auto count = ::read(peer, buffer, sizeof(buffer));
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }

  const std::string answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  async::BoundedQueue<std::string> requests_{
      async::QueueOptions{.capacity = 64, .policy = {}, .on_ready = {}}};
  std::thread thread_;
};

}  // namespace faultline::notify
