// The sender against a real HTTP server on loopback that answers as it is told, or not at all.
#include "controller/notify/sender.h"

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "controller/notify/signature.h"
#include "tests/integration/controller/notify/http_receiver.h"
#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

using async::BoundedQueue;
using async::QueueOptions;
using std::chrono::milliseconds;
using std::chrono::seconds;

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

Receiver webhook(const std::string& url) {
  Receiver receiver;
  receiver.name = "hook";
  receiver.url = url;
  receiver.secret = "0123456789abcdef";
  return receiver;
}

Delivery delivery(OutboxId id, const Receiver& receiver) {
  const Alert alert;
  return {.id = id,
          .request = make_request(receiver, alert, R"({"schema":"faultline.alert/1"})",
                                  {.idempotency_key = "i-1-1-opened", .timestamp_s = 1790000000})};
}

Delivery delivery(OutboxId id, const std::string& url) { return delivery(id, webhook(url)); }

Delivery program(const std::string& script, Duration timeout = seconds{20}) {
  return {.id = 1,
          .request = {.url = {},
                      .command = {"/bin/sh", "-c", script},
                      .headers = {"X-Faultline-Idempotency-Key: i-1-1-opened"},
                      .body = R"({"schema":"faultline.alert/1"})",
                      .ca_file = {},
                      .timeout = timeout,
                      .secrets = {"topsecret"}}};
}

// Whether a process has `mark` on its command line; the shell that looks has it in another form.
bool runs(const std::string& mark) {
  const auto pattern = "[" + mark.substr(0, 1) + "]" + mark.substr(1);
  const int status = std::system(("pgrep -f '" + pattern + "' >/dev/null").c_str());
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) <= 1);  // above, pgrep did not look
  return WEXITSTATUS(status) == 0;
}

std::string header(const std::string& request, const std::string& name) {
  const auto begin = request.find(name + ": ");
  if (begin == std::string::npos) return "";
  const auto value = begin + name.size() + 2;
  return request.substr(value, request.find("\r\n", value) - value);
}

}  // namespace

TEST_CASE("a delivery arrives as a signed POST and its outcome is reported", "[notify]") {
  HttpReceiver receiver(answer("204 No Content"));
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
  HttpReceiver receiver(answer("200 OK"));
  Harness harness;
  auto plain = webhook(receiver.url());
  plain.secret.clear();
  REQUIRE(harness.sender.send(delivery(1, plain)));
  CHECK(receiver.request().find("X-Faultline-Signature") == std::string::npos);
}

TEST_CASE("a failing receiver is to be tried again, as late as it asks for", "[notify]") {
  HttpReceiver receiver(answer("503 Service Unavailable", "Retry-After: 17\r\n"));
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, receiver.url())));
  CHECK(harness.arrived.pop_wait()->outcome ==
        DeliveryOutcome{DeliveryResult::kRetry, "HTTP 503", std::chrono::seconds{17}});
  CHECK(harness.sender.counters().failures.value() == 1);
}

TEST_CASE("a redirect is not followed", "[notify]") {
  HttpReceiver target(answer("200 OK"));
  HttpReceiver receiver(answer("302 Found", "Location: " + target.url() + "\r\n"));
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, receiver.url())));
  CHECK(harness.arrived.pop_wait()->outcome.text == "HTTP 302");
}

TEST_CASE("nobody listening is a failure that may pass", "[notify]") {
  std::string url;
  {
    HttpReceiver gone(answer("200 OK"));
    url = gone.url();
  }
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, url)));
  const auto outcome = harness.arrived.pop_wait()->outcome;
  CHECK(outcome.result == DeliveryResult::kRetry);
  CHECK_FALSE(outcome.text.empty());
}

TEST_CASE("a receiver that never answers times out", "[notify]") {
  HttpReceiver silent("");
  Harness harness;
  auto hook = webhook(silent.url());
  hook.timeout = milliseconds{100};
  REQUIRE(harness.sender.send(delivery(1, hook)));
  CHECK(harness.arrived.pop_wait()->outcome.result == DeliveryResult::kRetry);
}

TEST_CASE("a receiver that never answers delays no other", "[notify]") {
  HttpReceiver silent("");
  HttpReceiver quick(answer("200 OK"));
  Harness harness;
  auto hook = webhook(silent.url());
  hook.timeout = std::chrono::hours{1};
  REQUIRE(harness.sender.send(delivery(1, hook)));
  REQUIRE(silent.request().starts_with("POST"));
  REQUIRE(harness.sender.send(delivery(2, quick.url())));
  CHECK(harness.arrived.pop_wait()->id == 2);
}

TEST_CASE("what is in flight at the end is dropped without waiting for it", "[notify]") {
  HttpReceiver silent("");
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, silent.url())));
  CHECK(silent.request().starts_with("POST"));
}

TEST_CASE("what a receiver says of a failure is told, without our secrets", "[notify]") {
  HttpReceiver receiver(
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 28\r\n\r\nbad key 0123456789abcdef\r\n\r\n");
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, receiver.url())));
  CHECK(harness.arrived.pop_wait()->outcome.text == "HTTP 403: bad key ***");
}

TEST_CASE("a receiver that closes early is to be tried again", "[notify]") {
  for (const auto* broken : {"HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"}) {
    HttpReceiver receiver(broken);
    Harness harness;
    REQUIRE(harness.sender.send(delivery(1, receiver.url())));
    CHECK(harness.arrived.pop_wait()->outcome.result == DeliveryResult::kRetry);
  }
}

TEST_CASE("each kind of failing answer is what the outbox takes it for", "[notify]") {
  const auto outcome_for = [](const std::string& status_line, const std::string& headers = "") {
    HttpReceiver receiver(answer(status_line, headers));
    Harness harness;
    REQUIRE(harness.sender.send(delivery(1, receiver.url())));
    return harness.arrived.pop_wait()->outcome;
  };
  CHECK(outcome_for("429 Too Many Requests", "Retry-After: 30\r\n").retry_after == seconds{30});
  CHECK(outcome_for("429 Too Many Requests", "Retry-After: 99999999\r\n").retry_after ==
        seconds{1'000'000});
  CHECK(outcome_for("500 Internal Server Error").result == DeliveryResult::kRetry);
  CHECK(outcome_for("400 Bad Request").result == DeliveryResult::kRefused);
  CHECK(outcome_for("301 Moved", "Location: http://127.0.0.1:1/\r\n").result ==
        DeliveryResult::kRetry);
}

TEST_CASE("a proxy of the environment is used", "[notify]") {
  HttpReceiver proxy(answer("200 OK"));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  Harness harness;
  REQUIRE(harness.sender.send(delivery(1, std::string("http://pager.invalid/hook"))));
  CHECK(proxy.request().starts_with("POST http://pager.invalid/hook HTTP/1.1\r\n"));
  CHECK(harness.arrived.pop_wait()->outcome.result == DeliveryResult::kDelivered);
  ::unsetenv("http_proxy");
}

TEST_CASE("a program gets the alert on stdin and its key in the environment", "[notify]") {
  Harness harness;
  REQUIRE(harness.sender.send(
      program("test \"$(cat)\" = '{\"schema\":\"faultline.alert/1\"}' || exit 3; "
              "test \"$X_FAULTLINE_IDEMPOTENCY_KEY\" = i-1-1-opened || exit 4; "
              "test -z \"$HOME\" || exit 5")));
  CHECK(harness.arrived.pop_wait()->outcome ==
        DeliveryOutcome{DeliveryResult::kDelivered, "exit 0", std::nullopt});
}

TEST_CASE("a program's exit code and what it complains of are its answer", "[notify]") {
  Harness harness;
  const auto outcome_of = [&](const std::string& script) {
    REQUIRE(harness.sender.send(program(script)));
    return harness.arrived.pop_wait()->outcome;
  };
  CHECK(outcome_of("echo no pager for topsecret >&2; exit 1") ==
        DeliveryOutcome{DeliveryResult::kRetry, "exit 1: no pager for ***", std::nullopt});
  CHECK(outcome_of("exit 65").result == DeliveryResult::kRefused);
  CHECK(outcome_of("kill -TERM $$").text == "signal 15");
  CHECK(outcome_of("yes complaint | head -c 1000000 >&2; exit 1").text.size() <= 200);
}

TEST_CASE("a program that reads nothing of a large alert harms nobody", "[notify]") {
  Harness harness;
  auto large = program("exec <&-; exit 0");
  large.request.body.assign(1 << 20, 'x');
  REQUIRE(harness.sender.send(large));
  CHECK(harness.arrived.pop_wait()->outcome.result == DeliveryResult::kDelivered);
}

TEST_CASE("a program that complains without end delays no other", "[notify]") {
  Harness harness;
  auto chatty = program("exec yes complaint >&2", std::chrono::minutes{1});
  chatty.id = 99;
  REQUIRE(harness.sender.send(chatty));
  REQUIRE(harness.sender.send(program("exit 0")));
  CHECK(harness.arrived.pop_wait()->id != chatty.id);
}

TEST_CASE("a program whose exit nobody hears is to be tried again", "[notify]") {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  {
    Harness harness;
    REQUIRE(harness.sender.send(program("exit 0")));
    CHECK(harness.arrived.pop_wait()->outcome.text == "its exit code is lost: SIGCHLD is ignored");
  }
  std::signal(SIGCHLD, before);
}

TEST_CASE("a program that hangs is ended with all that it started", "[notify]") {
  Harness harness;
  const auto mark = "faultline-hanging-" + std::to_string(::getpid());
  REQUIRE(harness.sender.send(
      program("sh -c 'sleep 1000; : " + mark + "' & sleep 1000; : " + mark, milliseconds{300})));
  const auto outcome = harness.arrived.pop_wait()->outcome;
  CHECK(outcome.result == DeliveryResult::kRetry);
  CHECK(outcome.text == "was ended after 300ms");
  // Its signal was sent; the end may still be under way.
  const auto guard = std::chrono::steady_clock::now() + seconds{60};
  while (runs(mark)) {
    REQUIRE(std::chrono::steady_clock::now() < guard);
    std::this_thread::sleep_for(milliseconds{10});
  }
}

TEST_CASE("a program that is not there is told by its name", "[notify]") {
  Harness harness;
  auto missing = program("");
  missing.request.command = {"/no/such/pager"};
  REQUIRE(harness.sender.send(missing));
  CHECK(harness.arrived.pop_wait()->outcome.text ==
        "cannot start /no/such/pager: No such file or directory");
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
