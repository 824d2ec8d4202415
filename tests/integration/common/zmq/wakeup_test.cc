// The traps of ZMQ_FD: lost wake-ups, starved timers, cancelled waits.
#include <algorithm>

#include "common/async/clock.h"
#include "tests/integration/common/zmq/fixture.h"

namespace faultline::zmq {
namespace {

using async::awaitable;

constexpr int kRounds = 2000;

// Keeps the loop busy, not libzmq's I/O thread, so that what was sent arrives before the loop
// looks. How much arrives decides only what a test exercises, never whether it passes.
void hold_loop(Duration duration) {
  const Instant until = async::now_instant() + duration;
  while (async::now_instant() < until) {
  }
}

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

awaitable<void> cross_talk(Fixture& fixture, ZmqSocket& client, int& answered, int& sent,
                           bool& done) {
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
    hold_loop(std::chrono::microseconds{200});  // the receiver is waiting meanwhile
    (void)client.try_send(octets("swallows the edge"));
    while (received < i) co_await async::yield();
    (void)co_await fixture.server().receive();
  }
}

awaitable<void> count_turns(int& turns) {
  for (;;) {
    co_await async::yield();
    ++turns;
  }
}

// How many messages were taken, at most, without anything else getting its turn on the loop.
awaitable<void> receive_backlog(ZmqSocket& server, int count, const int& turns, int& longest_run) {
  int run = 0;
  int turns_seen = turns;
  for (int i = 0; i < count; ++i) {
    (void)co_await server.receive();
    run = turns == turns_seen ? run + 1 : 1;
    turns_seen = turns;
    longest_run = std::max(longest_run, run);
  }
}

awaitable<void> drain_backlog(Fixture& fixture, ZmqSocket& client, int count, int& turns,
                              int& longest_run) {
  co_await send_when_connected(client, "hello");
  (void)co_await fixture.server().receive();
  for (int i = 0; i < count; ++i) {
    REQUIRE(client.try_send(octets("flood")) == SendOutcome::kSent);
  }
  hold_loop(std::chrono::milliseconds{50});
  fixture.tasks().spawn("turns", count_turns(turns));
  co_await receive_backlog(fixture.server(), count, turns, longest_run);
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
  bool done = false;
  fixture.run(cross_talk(fixture, *client, answered, sent, done));
  CHECK(answered >= kRounds - 1);
}

TEST_CASE("a busy peer does not starve the rest of the loop", "[zmq]") {
  Fixture fixture;
  const auto client = fixture.trusted_client();
  int turns = 0;
  int longest_run = 0;
  fixture.run(drain_backlog(fixture, *client, 10 * kMessagesPerYield, turns, longest_run));
  CHECK(longest_run <= kMessagesPerYield);
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
