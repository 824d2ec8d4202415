// Who may connect: keys, the trust table and the ZAP thread.
#include <atomic>

#include "common/obs/log.h"
#include "tests/integration/common/zmq/fixture.h"

namespace faultline::zmq {
namespace {

using async::awaitable;
using async::asio::ip::tcp;

awaitable<void> until_refused(const obs::Counter& counter) {
  while (counter.value() == 0) co_await async::sleep_for(std::chrono::milliseconds{1});
}

// The stranger is refused first; the friend's message must come through all the same.
awaitable<void> refuse_one_hear_other(Fixture& fixture, const obs::Counter& refused,
                                      ZmqSocket& stranger, ZmqSocket& friendly, Received& heard,
                                      SendOutcome& stranger_outcome) {
  co_await until_refused(refused);
  co_await send_when_connected(friendly, "from a friend");
  heard = co_await fixture.server().receive();
  stranger_outcome = stranger.try_send(octets("let me in"));
}

awaitable<void> refuse_then_trust(Fixture& fixture, PublicKey key, ZmqSocket& client,
                                  std::string& heard) {
  co_await until_refused(fixture.zap_counters().refused_unknown);
  fixture.trust(key);
  co_await send_when_connected(client, "at last");
  heard = text_of(co_await fixture.server().receive());
}

awaitable<void> hear_after_garbage(Fixture& fixture, tcp::endpoint where, std::string garbage,
                                   ZmqSocket& friendly, std::string& heard) {
  tcp::socket stranger{fixture.loop()};
  co_await stranger.async_connect(where, async::use_awaitable);
  co_await stranger.async_send(async::asio::buffer(garbage), async::use_awaitable);
  co_await send_when_connected(friendly, "still here");
  heard = text_of(co_await fixture.server().receive());
}

// Knocks until a line names the peer: a descriptor may be closed before it could be looked up.
awaitable<void> knock_until_named(Fixture& fixture, tcp::endpoint where, std::string garbage,
                                  const std::atomic<bool>& named, std::uint64_t& knocks) {
  std::vector<std::uint8_t> answer(256);
  while (!named) {
    tcp::socket stranger{fixture.loop()};
    co_await stranger.async_connect(where, async::use_awaitable);
    ++knocks;
    async::error_code ended;
    co_await stranger.async_send(async::asio::buffer(garbage),
                                 async::asio::redirect_error(async::use_awaitable, ended));
    while (!ended) {
      co_await stranger.async_read_some(async::asio::buffer(answer),
                                        async::asio::redirect_error(async::use_awaitable, ended));
    }
    while (fixture.handshake_counters().failed.value() < knocks) {
      co_await async::sleep_for(std::chrono::milliseconds{1});
    }
  }
}

tcp::endpoint tcp_endpoint(const std::string& endpoint) {
  const auto port = std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
  return {async::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)};
}

// The log's lines while it lives; read them after the session has ended.
struct LogLines {
  std::vector<std::string> all;
  std::unique_ptr<obs::LogSession> session = std::make_unique<obs::LogSession>(
      obs::LogOptions{.sink = [this](std::string_view line) { all.emplace_back(line); }});
};

}  // namespace

TEST_CASE("an unknown key is refused by name and counted, while others go on", "[zmq]") {
  LogLines log;
  const auto stranger_key = crypto::generate_key_pair();
  Received heard;
  SendOutcome stranger_outcome{};
  {
    Fixture fixture;
    const auto stranger = fixture.client(stranger_key);
    const auto friendly = fixture.trusted_client();
    fixture.run(refuse_one_hear_other(fixture, fixture.zap_counters().refused_unknown, *stranger,
                                      *friendly, heard, stranger_outcome));
    CHECK(fixture.zap_counters().admitted.value() == 1);
    CHECK(fixture.handshake_counters().failed.value() == 0);
  }
  CHECK(text_of(heard) == "from a friend");
  CHECK(stranger_outcome == SendOutcome::kFull);
  log.session.reset();
  REQUIRE_FALSE(log.all.empty());
  CHECK_THAT(log.all.front(), Catch::EndsWith("warning zap: refused 127.0.0.1 with key " +
                                              short_name(stranger_key.public_key) +
                                              ": its key is not known here\n"));
}

TEST_CASE("a spent join token is refused and told apart from an unknown key", "[zmq]") {
  LogLines log;
  const auto token_key = crypto::generate_key_pair();
  Received heard;
  SendOutcome token_outcome{};
  {
    Fixture fixture;
    fixture.trust(token_key.public_key, {.admission = Admission::kSpentToken, .label = "leaf1-h2"});
    const auto again = fixture.client(token_key);
    const auto friendly = fixture.trusted_client();
    fixture.run(refuse_one_hear_other(fixture, fixture.zap_counters().refused_spent_token, *again,
                                      *friendly, heard, token_outcome));
    CHECK(fixture.zap_counters().refused_unknown.value() == 0);
  }
  CHECK(token_outcome == SendOutcome::kFull);
  log.session.reset();
  REQUIRE_FALSE(log.all.empty());
  CHECK_THAT(log.all.front(), Catch::Contains("its join token was used before, by leaf1-h2"));
}

TEST_CASE("a key that is trusted after its refusal gets in by itself", "[zmq]") {
  Fixture fixture;
  const auto key = crypto::generate_key_pair();
  const auto client = fixture.client(key, fixture.server_key().public_key, impatient_options());
  std::string heard;
  fixture.run(refuse_then_trust(fixture, key.public_key, *client, heard));
  CHECK(heard == "at last");
  CHECK(fixture.zap_counters().admitted.value() >= 1);
}

TEST_CASE("a client that expects another server's key never connects", "[zmq]") {
  Fixture fixture;
  const auto key = crypto::generate_key_pair();
  fixture.trust(key.public_key);
  const auto deceived =
      fixture.client(key, crypto::generate_key_pair().public_key, impatient_options());
  const auto friendly = fixture.trusted_client();
  std::string heard;
  fixture.run(hear_after_garbage(fixture, tcp_endpoint(fixture.endpoint()), "x", *friendly, heard));
  CHECK(heard == "still here");
  CHECK(deceived->try_send(octets("x")) == SendOutcome::kFull);
  CHECK(fixture.zap_counters().admitted.value() == 1);
}

TEST_CASE("whoever does not speak CURVE is refused by address, with the reason, and counted",
          "[zmq]") {
  struct Case {
    std::string bytes;
    std::string why;
  };
  const std::string greeting{"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0", 12};
  const auto padded = [](std::string text, std::size_t size) {
    text.resize(size, '\0');
    return text;
  };
  const auto [bytes, why] =
      GENERATE_COPY(Case{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "it does not speak ZeroMQ"},
                    Case{std::string(4096, '\0'), "it does not speak ZeroMQ"},
                    Case{std::string(4096, '\xff'), "it does not speak CURVE"},
                    Case{padded(greeting + "NULL", 64), "it does not speak CURVE"},
                    Case{padded(greeting + "CURVE", 64) + "\x04\x10garbage garbage ",
                         "its handshake is malformed"},
                    Case{padded(greeting + "CURVE", 64), "it did not finish its handshake in time"},
                    Case{"", "it did not finish its handshake in time"});
  CAPTURE(why);
  std::atomic<bool> named = false;
  std::vector<std::string> lines;
  auto session = std::make_unique<obs::LogSession>(obs::LogOptions{.sink = [&](auto line) {
    lines.emplace_back(line);
    if (line.find("refused 127.0.0.1: " + why) != line.npos) named = true;
  }});
  std::uint64_t knocks = 0;
  {
    Fixture fixture{impatient_options()};
    fixture.run(knock_until_named(fixture, tcp_endpoint(fixture.endpoint()), bytes, named, knocks));
    CHECK(fixture.handshake_counters().failed.value() == knocks);
  }
  session.reset();
  for (const auto& line : lines) CHECK_THAT(line, Catch::Contains(" link: refused "));
}

TEST_CASE("bytes that are not ZeroMQ's harm nobody", "[zmq]") {
  const std::string garbage = GENERATE(
      std::string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, std::string(4096, '\xff'),
      std::string(4096, '\0'),
      std::string{"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32});
  Fixture fixture;
  const auto friendly = fixture.trusted_client();
  std::string heard;
  fixture.run(
      hear_after_garbage(fixture, tcp_endpoint(fixture.endpoint()), garbage, *friendly, heard));
  CHECK(heard == "still here");
  CHECK(fixture.server().counters().received.value() == 1);
}

}  // namespace faultline::zmq
