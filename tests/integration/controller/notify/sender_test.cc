// The sender against a real HTTP server on loopback that answers as it is told, or not at all.
#include "controller/notify/sender.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "common/async/bounded_queue.h"
#include "controller/notify/signature.h"
#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

using async::BoundedQueue;
using async::QueueOptions;

// Accepts one connection after the other, hands on what it read, and answers with a fixed text.
// With an empty answer it keeps the connection open and says nothing.
class Receiver {
 public:
  explicit Receiver(std::string answer) : answer_(std::move(answer)) {
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
  ~Receiver() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/hook";
  }
  [[nodiscard]] std::string request() { return requests_.pop_wait().value_or(""); }

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
  BoundedQueue<std::string> requests_{QueueOptions{.capacity = 64, .policy = {}, .on_ready = {}}};
  std::thread thread_;
};

struct Arrived {
  OutboxId id = 0;
  DeliveryOutcome outcome;
};

struct Harness {
  BoundedQueue<Arrived> arrived{QueueOptions{.capacity = 64, .policy = {}, .on_ready = {}}};
  Sender sender;

  explicit Harness(SenderOptions options = {})
      : sender(std::move(options), [this](OutboxId id, DeliveryOutcome outcome) {
          arrived.push({id, std::move(outcome)});
        }) {}
};

std::string answer(const std::string& status_line, const std::string& headers = "") {
  return "HTTP/1.1 " + status_line + "\r\nContent-Length: 0\r\n" + headers + "\r\n";
}

Delivery delivery(OutboxId id, const std::string& url) {
  return {.id = id,
          .url = url,
          .secret = "0123456789abcdef",
          .idempotency_key = "i-1-1-opened",
          .body = R"({"schema":"faultline.alert/1"})"};
}

std::string header(const std::string& request, const std::string& name) {
  const auto begin = request.find(name + ": ");
  if (begin == std::string::npos) return "";
  const auto value = begin + name.size() + 2;
  return request.substr(value, request.find("\r\n", value) - value);
}

}  // namespace

TEST_CASE("a delivery arrives as a signed POST and its outcome is reported", "[notify]") {
  Receiver receiver(answer("204 No Content"));
  Harness harness;
  REQUIRE(harness.sender.send(delivery(7, receiver.url())));
  const auto request = receiver.request();
  const auto body = request.substr(request.find("\r\n\r\n") + 4);
  CHECK(request.starts_with("POST /hook HTTP/1.1\r\n"));
  CHECK(header(request, "Content-Type") == "application/json");
  CHECK(header(request, "X-Faultline-Idempotency-Key") == "i-1-1-opened");
  CHECK(body == R"({"schema":"faultline.alert/1"})");
  const auto timestamp = std::stoll(header(request, "X-Faultline-Timestamp"));
  CHECK(header(request, "X-Faultline-Signature") == signature("0123456789abcdef", timestamp, body));
  const auto arrived = harness.arrived.pop_wait();
  CHECK(arrived->id == 7);
  CHECK(arrived->outcome.result == DeliveryResult::kDelivered);
}

TEST_CASE("without a secret nothing is signed", "[notify]") {
  Receiver receiver(answer("200 OK"));
  Harness harness;
  auto plain = delivery(1, receiver.url());
  plain.secret.clear();
  REQUIRE(harness.sender.send(plain));
  CHECK(receiver.request().find("X-Faultline-Signature") == std::string::npos);
}

TEST_CASE("a failing receiver is to be tried again, as late as it asks for", "[notify]") {
  Receiver receiver(answer("503 Service Unavailable", "Retry-After: 17\r\n"));
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, receiver.url())));
  CHECK(harness.arrived.pop_wait()->outcome ==
        DeliveryOutcome{DeliveryResult::kRetry, "HTTP 503", std::chrono::seconds{17}});
  CHECK(harness.sender.counters().failures.value() == 1);
}

TEST_CASE("a redirect is not followed", "[notify]") {
  Receiver target(answer("200 OK"));
  Receiver receiver(answer("302 Found", "Location: " + target.url() + "\r\n"));
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, receiver.url())));
  CHECK(harness.arrived.pop_wait()->outcome.text == "HTTP 302");
}

TEST_CASE("nobody listening is a failure that may pass", "[notify]") {
  std::string url;
  {
    Receiver gone(answer("200 OK"));
    url = gone.url();
  }
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, url)));
  const auto outcome = harness.arrived.pop_wait()->outcome;
  CHECK(outcome.result == DeliveryResult::kRetry);
  CHECK_FALSE(outcome.text.empty());
}

TEST_CASE("a receiver that never answers times out", "[notify]") {
  Receiver silent("");
  Harness harness({.timeout = std::chrono::milliseconds{100}});
  REQUIRE(harness.sender.send(delivery(1, silent.url())));
  CHECK(harness.arrived.pop_wait()->outcome.result == DeliveryResult::kRetry);
}

TEST_CASE("a receiver that never answers delays no other", "[notify]") {
  Receiver silent("");
  Receiver quick(answer("200 OK"));
  Harness harness({.timeout = std::chrono::hours{1}});
  REQUIRE(harness.sender.send(delivery(1, silent.url())));
  REQUIRE(silent.request().starts_with("POST"));
  REQUIRE(harness.sender.send(delivery(2, quick.url())));
  CHECK(harness.arrived.pop_wait()->id == 2);
}

TEST_CASE("what is in flight at the end is dropped without waiting for it", "[notify]") {
  Receiver silent("");
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, silent.url())));
  CHECK(silent.request().starts_with("POST"));
}

TEST_CASE("only http and https URLs with a host are webhook URLs", "[notify]") {
  CHECK(validate_webhook_url("https://pager.example/hook"));
  CHECK(validate_webhook_url("http://127.0.0.1:9000/"));
  for (const auto* url :
       {"", "pager", "ftp://pager/", "file:///etc/passwd", "https://", "https:// x"}) {
    CAPTURE(url);
    CHECK_FALSE(validate_webhook_url(url));
  }
}

}  // namespace faultline::notify
