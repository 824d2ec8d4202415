// The traps of ZMQ_FD: lost wake-ups, starved timers, cancelled waits.
#include "common/async/clock.h"
#include "tests/integration/common/zmq/fixture.h"

namespace faultline::zmq {
namespace {

using async::awaitable;

constexpr int kRounds = 2000;

awaitable<void> echo(ZmqSocket& server, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const Received message = co_await server.receive();
    CHECK(server.try_send_to(message.route, message.bytes()) == SendOutcome::kSent);
  }
}

// Sends without a pause, so that sends fall between a message's arrival and the receiver's wake-up.
awaitable<void> chatter(ZmqSocket& client, const bool& done, int& sent) {
  const std::string noise = "noise";
  while (!done) {
    if (client.try_send(octets(noise)) == SendOutcome::kSent) ++sent;
    co_await async::yield();
  }
}

awaitable<void> swallow_noise(ZmqSocket& server, std::string route, int count, int& answered) {
  // Every answer is sent alone, then the server waits: a swallowed edge would end the exchange.
  for (; answered < count; ++answered) {
    while (server.try_send_to(route, octets("answer")) != SendOutcome::kSent) {
      co_await async::yield();
    }
    (void)co_await server.receive();
  }
}

awaitable<void> receive_answers(ZmqSocket& client, int count, bool& done) {
  for (int i = 0; i < count; ++i) (void)co_await client.receive();
  done = true;
}

awaitable<void> cross_talk(Fixture& fixture, ZmqSocket& client, int& answered, int& sent) {
  bool done = false;
  co_await send_when_connected(client, "hello");
  const Received hello = co_await fixture.server().receive();
  fixture.tasks().spawn("noise", chatter(client, done, sent));
  fixture.tasks().spawn("server", swallow_noise(fixture.server(), hello.route, kRounds, answered));
  co_await receive_answers(client, kRounds, done);
}

awaitable<void> ping_pong(Fixture& fixture, ZmqSocket& client) {
  fixture.tasks().spawn("echo", echo(fixture.server(), kRounds));
  co_await send_when_connected(client, "0");
  for (int i = 1; i <= kRounds; ++i) {
    const Received reply = co_await client.receive();
    CHECK(text_of(reply) == std::to_string(i - 1));
    if (i < kRounds) CHECK(client.try_send(octets(std::to_string(i))) == SendOutcome::kSent);
  }
}

awaitable<void> receive_forever(ZmqSocket& socket, int& count) {
  for (;;) {
    (void)co_await socket.receive();
    ++count;
  }
}

// Asks for the very same thing that the receiver swallows by a send: a message that has arrived,
// with its edge consumed before anybody waits for it.
awaitable<void> arrive_then_send(Fixture& fixture, ZmqSocket& client, int rounds, int& received) {
  co_await send_when_connected(client, "hello");
  const Received hello = co_await fixture.server().receive();
  fixture.tasks().spawn("receiver", receive_forever(client, received));
  for (int i = 1; i <= rounds; ++i) {
    REQUIRE(fixture.server().try_send_to(hello.route, octets("x")) == SendOutcome::kSent);
    // Blocks the loop, not the I/O thread, until the message is likely in the client's pipe; the
    // receiver is waiting meanwhile. Whether it is likely enough only decides what is exercised.
    const Instant until = async::now_instant() + std::chrono::microseconds{200};
    while (async::now_instant() < until) {
    }
    (void)client.try_send(octets("swallows the edge"));
    while (received < i) co_await async::yield();
    (void)co_await fixture.server().receive();
  }
}

awaitable<void> flood(ZmqSocket& client, const bool& done) {
  while (!done) {
    while (client.try_send(octets("flood")) == SendOutcome::kSent && !done) {
    }
    co_await async::yield();
  }
}

// Ends by a timer while messages never cease to be there.
awaitable<void> tick_under_load(Fixture& fixture, ZmqSocket& client, int& received, int& ticks) {
  bool done = false;
  co_await send_when_connected(client, "hello");
  fixture.tasks().spawn("receiver", receive_forever(fixture.server(), received));
  fixture.tasks().spawn("flood", flood(client, done));
  while (received < 10 * kMessagesPerYield || ticks < 20) {
    co_await async::sleep_for(std::chrono::milliseconds{1});
    ++ticks;
  }
  done = true;
}

awaitable<void> leave_waiting(Fixture& fixture, int& received) {
  fixture.tasks().spawn("receiver", receive_forever(fixture.server(), received));
  co_await async::yield();
}

}  // namespace

TEST_CASE("a long exchange, one message at a time, never stalls", "[zmq]") {
  Fixture fixture;
  const auto client = fixture.trusted_client();
  fixture.run(ping_pong(fixture, *client));
  CHECK(fixture.server().counters().received.value() == kRounds);
}

TEST_CASE("a send that swallows the edge of an arrived message wakes its receiver", "[zmq]") {
  Fixture fixture;
  const auto client = fixture.trusted_client();
  int received = 0;
  constexpr int kArrivals = 300;
  fixture.run(arrive_then_send(fixture, *client, kArrivals, received));
  CHECK(received == kArrivals);
}

TEST_CASE("sends and receives that cross on one socket never stall", "[zmq]") {
  Fixture fixture;
  const auto client = fixture.trusted_client();
  int answered = 0;
  int sent = 0;
  fixture.run(cross_talk(fixture, *client, answered, sent));
  CHECK(answered >= kRounds - 1);
}

TEST_CASE("a busy peer does not starve the timers of the loop", "[zmq]") {
  Fixture fixture;
  const auto client = fixture.trusted_client();
  int received = 0;
  int ticks = 0;
  fixture.run(tick_under_load(fixture, *client, received, ticks));
  CHECK(ticks >= 20);
  CHECK(received >= 10 * kMessagesPerYield);
}

TEST_CASE("a receiver that waits is stopped and joined, and its socket closed", "[zmq]") {
  int received = 0;
  {
    Fixture fixture;
    fixture.run(leave_waiting(fixture, received));
    CHECK(fixture.tasks().running() == 0);
  }
  CHECK(received == 0);
}

}  // namespace faultline::zmq
