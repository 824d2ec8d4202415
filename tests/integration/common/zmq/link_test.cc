// What a link carries, refuses and bounds.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>
#include <filesystem>

#include "tests/integration/common/zmq/fixture.h"

namespace faultline::zmq {
namespace {

using async::awaitable;

awaitable<void> echo_once(ZmqSocket& server, Received& seen) {
  seen = co_await server.receive();
  CHECK(server.try_send_to(seen.route, seen.bytes()) == SendOutcome::kSent);
}

awaitable<void> round_trip(Fixture& fixture, ZmqSocket& client, Received& at_server,
                           Received& at_client) {
  fixture.tasks().spawn("echo", echo_once(fixture.server(), at_server));
  co_await send_when_connected(client, "hello");
  at_client = co_await client.receive();
}

// Frames that our own sockets never send, from a peer that is let in.
class RawClient {
 public:
  RawClient(Fixture& fixture, const crypto::KeyPair& own)
      : socket_(
            *make_client(fixture.context(), own, fixture.server_key().public_key, test_options())) {
    REQUIRE(connect(socket_, fixture.endpoint()));
    socket_.set(::zmq::sockopt::sndtimeo, 60'000);
  }
  void send(const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto flags =
          i + 1 < frames.size() ? ::zmq::send_flags::sndmore : ::zmq::send_flags::none;
      REQUIRE(socket_.send(::zmq::buffer(frames[i]), flags));
    }
  }

 private:
  Socket socket_;
};

awaitable<void> receive_one(ZmqSocket& server, std::string& text) {
  text = text_of(co_await server.receive());
}

// Sends until the socket refuses, or `limit` messages were queued.
awaitable<void> fill(ZmqSocket& socket, std::string route, int limit, int& sent,
                     SendOutcome& outcome) {
  const std::string body(16'384, 'x');
  for (sent = 0; sent < limit; ++sent) {
    outcome =
        route.empty() ? socket.try_send(octets(body)) : socket.try_send_to(route, octets(body));
    if (outcome != SendOutcome::kSent) co_return;
  }
}

awaitable<void> fill_server(Fixture& fixture, ZmqSocket& client, int limit, int& sent,
                            SendOutcome& outcome) {
  co_await send_when_connected(client, "hello");
  const Received hello = co_await fixture.server().receive();
  co_await fill(fixture.server(), hello.route, limit, sent, outcome);
}

awaitable<void> fill_client(ZmqSocket& client, int limit, int& sent, SendOutcome& outcome) {
  co_await send_when_connected(client, "hello");
  co_await fill(client, "", limit, sent, outcome);
}

awaitable<void> lose_peer(Fixture& fixture, std::unique_ptr<ZmqSocket> client,
                          SendOutcome& outcome) {
  co_await send_when_connected(*client, "hello");
  const Received hello = co_await fixture.server().receive();
  client.reset();
  do {
    co_await async::sleep_for(std::chrono::milliseconds{1});
    outcome = fixture.server().try_send_to(hello.route, octets("too late"));
  } while (outcome == SendOutcome::kSent);
}

awaitable<void> collect(ZmqSocket& server, std::vector<std::string>& texts) {
  for (;;) texts.push_back(text_of(co_await server.receive()));
}

// All in one go, so that most are still the client's when it is closed.
awaitable<void> send_and_close(Fixture& fixture, std::unique_ptr<ZmqSocket> client, int count,
                               std::vector<std::string>& texts) {
  const std::string body(8'192, 'x');
  co_await send_when_connected(*client, body);
  for (int sent = 1; sent < count; ++sent) {
    CHECK(client->try_send(octets(body)) == SendOutcome::kSent);
  }
  client->linger(std::chrono::minutes{1});
  client.reset();
  while (texts.size() < static_cast<std::size_t>(count)) {  // of what is lost none comes: a hang
    texts.push_back(text_of(co_await fixture.server().receive()));
  }
}

// On one connection messages arrive in order: had the large one been let through, it would come
// before "after". It ends the connection instead, and what was queued on that goes with it.
awaitable<void> oversize(Fixture& fixture, ZmqSocket& client, std::vector<std::string>& texts) {
  fixture.tasks().spawn("collect", collect(fixture.server(), texts));
  co_await send_when_connected(client, std::string(test_options().message_bytes_max + 1, 'x'));
  while (texts.empty()) {
    (void)client.try_send(octets("after"));
    co_await async::sleep_for(std::chrono::milliseconds{1});
  }
}

}  // namespace

TEST_CASE("a message arrives with its sender's key and address, and an answer goes back", "[zmq]") {
  Fixture fixture;
  const auto key = crypto::generate_key_pair();
  fixture.trust(key.public_key);
  const auto client = fixture.client(key);
  Received at_server;
  Received at_client;
  fixture.run(round_trip(fixture, *client, at_server, at_client));
  CHECK(text_of(at_server) == "hello");
  CHECK(at_server.sender == key.public_key);
  CHECK(at_server.peer_address == "127.0.0.1");
  CHECK(text_of(at_client) == "hello");
  CHECK(at_client.route.empty());
  CHECK_FALSE(at_client.sender.has_value());
  CHECK(fixture.server().counters().received.value() == 1);
  CHECK(fixture.server().counters().sent.value() == 1);
}

TEST_CASE("messages with other than one frame are dropped and counted; the next is heard",
          "[zmq]") {
  Fixture fixture;
  const auto key = crypto::generate_key_pair();
  fixture.trust(key.public_key);
  RawClient client{fixture, key};
  client.send({"two", "frames"});
  client.send({"", "", "", "many"});
  client.send({"good"});
  std::string text;
  fixture.run(receive_one(fixture.server(), text));
  CHECK(text == "good");
  CHECK(fixture.server().counters().malformed.value() == 2);
}

TEST_CASE("a message beyond the limit is never delivered; its sender connects anew", "[zmq]") {
  Fixture fixture;
  const auto client = fixture.trusted_client();
  std::vector<std::string> texts;
  fixture.run(oversize(fixture, *client, texts));
  CHECK(texts.front().size() == std::string_view{"after"}.size());
  CHECK(fixture.zap_counters().admitted.value() >= 2);
}

TEST_CASE("a router at its high-water mark says so and counts", "[zmq]") {
  auto options = test_options();
  options.queue_messages_max = 10;
  Fixture fixture{options};
  const auto client = fixture.trusted_client();
  constexpr int kLimit = 20'000;
  int sent = 0;
  SendOutcome outcome{};
  fixture.run(fill_server(fixture, *client, kLimit, sent, outcome));
  CHECK(outcome == SendOutcome::kFull);
  CHECK(sent < kLimit);
  CHECK(fixture.server().counters().full.value() == 1);
}

TEST_CASE("a client at its high-water mark says so and counts", "[zmq]") {
  auto options = test_options();
  options.queue_messages_max = 10;
  Fixture fixture{options};
  const auto client = fixture.trusted_client();
  constexpr int kLimit = 20'000;
  int sent = 0;
  SendOutcome outcome{};
  fixture.run(fill_client(*client, kLimit, sent, outcome));
  CHECK(outcome == SendOutcome::kFull);
  CHECK(sent < kLimit);
}

TEST_CASE("nothing is queued for a server that is not there", "[zmq]") {
  Fixture fixture;
  auto socket =
      make_client(fixture.context(), crypto::generate_key_pair(), fixture.server_key().public_key);
  REQUIRE(socket);
  REQUIRE(connect(*socket, "tcp://127.0.0.1:1"));
  ZmqSocket client{fixture.loop(), *std::move(socket)};
  CHECK(client.try_send(octets("hello")) == SendOutcome::kFull);
}

TEST_CASE("what was sent right before its socket is closed arrives where it may linger", "[zmq]") {
  constexpr int kMessages = 500;
  auto options = test_options();
  // What comes for a closed connection ends it at once for both sides (RST): no answer to a ping.
  options.heartbeat_interval = std::chrono::hours{1};
  Fixture fixture{options};
  std::vector<std::string> texts;
  fixture.run(send_and_close(fixture, fixture.trusted_client(), kMessages, texts));
  CHECK(texts.size() == kMessages);
}

TEST_CASE("a send to a peer that has gone is told as unreachable", "[zmq]") {
  Fixture fixture;
  SendOutcome outcome{};
  fixture.run(lose_peer(fixture, fixture.trusted_client(), outcome));
  CHECK(outcome == SendOutcome::kUnreachable);
  CHECK(fixture.server().try_send_to("never", octets("x")) == SendOutcome::kUnreachable);
  CHECK(fixture.server().counters().unreachable.value() == 2);
}

// What the kernel has been told of this process' accepted connection to `endpoint`.
int option_of_accepted(const std::string& endpoint, int level, int option) {
  unsigned port = 0;
  const auto colon = endpoint.rfind(':') + 1;
  std::from_chars(endpoint.data() + colon, endpoint.data() + endpoint.size(), port);
  for (const auto& link : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    const int fd = std::stoi(link.path().filename().string());
    sockaddr_in6 own{};
    sockaddr_in6 peer{};
    socklen_t size = sizeof own;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) continue;
    if (own.sin6_port != htons(static_cast<std::uint16_t>(port))) continue;
    size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    int value = 0;
    size = sizeof value;
    REQUIRE(::getsockopt(fd, level, option, &value, &size) == 0);
    return value;
  }
  FAIL("no connection to " << endpoint);
  return -1;
}

TEST_CASE("a server has its kernel find the peers that vanish, and pings nobody", "[zmq]") {
  auto options = test_options();
  options.heartbeat_timeout = std::chrono::seconds{9};
  Fixture fixture{options};
  const auto client = fixture.trusted_client();
  Received at_server;
  Received at_client;
  fixture.run(round_trip(fixture, *client, at_server, at_client));
  CHECK(option_of_accepted(fixture.endpoint(), SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option_of_accepted(fixture.endpoint(), IPPROTO_TCP, TCP_KEEPIDLE) == 9);
  CHECK(option_of_accepted(fixture.endpoint(), IPPROTO_TCP, TCP_KEEPINTVL) == 3);
  CHECK(option_of_accepted(fixture.endpoint(), IPPROTO_TCP, TCP_USER_TIMEOUT) == 18'000);
  auto server = make_server(fixture.context(), fixture.zap(), crypto::generate_key_pair());
  REQUIRE(server);
  CHECK(server->get(::zmq::sockopt::heartbeat_ivl) == 0);
}

TEST_CASE("what prevents listening is told in a sentence", "[zmq]") {
  Fixture fixture;
  const async::Published<TrustTable> nobody;
  Context context = make_context();
  const ZapThread zap{context, nobody};
  auto server = make_server(context, zap, crypto::generate_key_pair());
  REQUIRE(server);

  const auto in_use = listen(*server, fixture.endpoint());
  REQUIRE_FALSE(in_use);
  CHECK(in_use.error() ==
        Error{ErrorCode::kConflict, "cannot listen on " + fixture.endpoint() +
                                        ": the port is in use by another process"});
  const auto foreign = listen(*server, "tcp://192.0.2.1:7400");
  REQUIRE_FALSE(foreign);
  CHECK_THAT(foreign.error().context, Catch::Contains("belongs to no interface of this machine"));
  for (const std::string bad : {"", "7400", "10.0.0.1:7400", "ipc:///tmp/x", "tcp://127.0.0.1",
                                "tcp://127.0.0.1:99999", "tcp://127.0.0.1:port"}) {
    CAPTURE(bad);
    const auto result = listen(*server, bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kInvalid);
    CHECK_THAT(result.error().context,
               Catch::EndsWith("is not an endpoint such as tcp://10.0.0.1:7400"));
  }
}

TEST_CASE("what prevents connecting is told in a sentence", "[zmq]") {
  Fixture fixture;
  auto client =
      make_client(fixture.context(), crypto::generate_key_pair(), fixture.server_key().public_key);
  REQUIRE(client);
  CHECK(connect(*client, fixture.endpoint()));
  CHECK(connect(*client, "tcp://[::1]:7400"));
  CHECK(connect(*client, "tcp://localhost:7400"));
  for (const std::string bad : {"", "controller:7400", "tcp://10.0.0.1", "tcp://10.0.0.1:*",
                                "tcp://::1:7400", "tcp://[]:7400", "tcp://:7400", "inproc://x"}) {
    CAPTURE(bad);
    const auto result = connect(*client, bad);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kInvalid);
  }
}

}  // namespace faultline::zmq
