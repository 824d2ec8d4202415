// Whoever should not be heard is refused: with a line of the log that names him, a counter, and no
// effect on a node that behaves.
#include <signal.h>

#include "common/base/random.h"

#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

using Bytes = std::vector<std::byte>;

constexpr const char* kAddress = "127.0.0.1";

Bytes garbage(std::size_t size) {
  Rng rng{7};
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(rng());
  return bytes;
}

crypto::KeyPair keys_of(const crypto::JoinToken& token) {
  return {crypto::public_key_of(token.one_use), token.one_use};
}

TEST_CASE("an unknown key and a token that was never made are refused", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  good.expect_service();

  const Peer stranger(stage, crypto::generate_key_pair());
  stage.wait_for_log({"refused", kAddress, short_name(stranger.key())});
  stage.wait_for("a refusal to be counted",
                 [&] { return stage.metric("faultline_handshakes_refused_total") >= 1; });

  // As one that an operator made on another controller, or that was removed again.
  const crypto::JoinToken forged{.endpoints = {stage.endpoint()},
                                 .controllers = {stage.controller_key()},
                                 .one_use = crypto::generate_key_pair().secret_key};
  Peer forger(stage, keys_of(forged));
  stage.wait_for_log({"refused", kAddress, short_name(forger.key())});
  CHECK_FALSE(forger.try_say(Join{.node_key = forger.key()}));
  CHECK(stage.metric("faultline_handshakes_refused_total") >= 2);

  good.expect_service();
  stage.wait_for_metric("faultline_nodes{state=\"total\"}", 1);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a token serves one node, and for nothing but joining", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  const auto token = stage.make_token("second");
  Peer peer(stage, keys_of(token));

  peer.say(Heartbeat{.sequence = 1});
  CHECK(peer.hear<Refusal>().reason == RefusalReason::kUnknownKey);
  stage.wait_for_log({"refused", kAddress, short_name(peer.key()), "may only join"});
  stage.wait_for_metric("faultline_messages_untrusted_total", 1);

  const auto first = crypto::generate_key_pair().public_key;
  peer.say(Join{.node_key = first, .profile = profile("127.0.0.3", "r")});
  const auto joined = peer.hear<Joined>();
  CHECK(joined.name == "second");
  // The answer may have been lost on its way: who asks again is told again.
  peer.say(Join{.node_key = first, .profile = profile("127.0.0.3", "r")});
  CHECK(peer.hear<Joined>() == joined);

  peer.say(Join{.node_key = crypto::generate_key_pair().public_key,
                .profile = profile("127.0.0.4", "r")});
  CHECK(peer.hear<Refusal>().reason == RefusalReason::kTokenSpent);
  stage.wait_for_log({"refused", kAddress, short_name(peer.key()), "join"});
  stage.wait_for_metric("faultline_joins_refused_total", 1);

  good.expect_service();
  stage.wait_for_metric("faultline_nodes{state=\"total\"}", 2);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("garbage and truncated messages are refused", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  Node bad(stage, "bad", "127.0.0.3");
  good.expect_service();
  bad.expect_service();

  std::uint64_t refused = 0;
  const auto check_refused = [&](const Bytes& bytes) {
    bad.peer().say_bytes(bytes);
    CHECK(bad.peer().hear<Refusal>().reason == RefusalReason::kMalformed);
    stage.wait_for_metric("faultline_messages_malformed_total", ++refused);
    good.expect_service();
  };
  check_refused(garbage(1));
  check_refused(garbage(64));
  check_refused(garbage(100'000));
  check_refused({});
  stage.wait_for_log({"malformed", kAddress, short_name(bad.peer().key())});

  // Truncated anywhere: in its table of segments, at a word, within a word.
  const auto whole = wire::encode(ProbeMessage{hello(bad.boot(), profile("127.0.0.3", "r"))});
  for (const auto size :
       {std::size_t{4}, std::size_t{8}, whole.size() / 2, whole.size() - 8, whole.size() - 1}) {
    CAPTURE(size, whole.size());
    check_refused(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }

  // The same node is heard again as soon as it speaks sense.
  bad.expect_service();
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a truncated report is discarded, and told once", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  Node bad(stage, "bad", "127.0.0.3");
  good.expect_service();

  auto broken = batch(bad.boot(), 1, report(WallTime{}, 1, good.id()));
  broken.payload.resize(broken.payload.size() - 5);
  bad.peer().say(broken);
  // Acknowledged: the probe would otherwise send it for ever.
  CHECK(covers(bad.peer().hear<BatchAck>(), bad.boot(), 1));
  stage.wait_for_log({"batch 1 of node " + std::to_string(bad.id().value()), "not a report"});
  stage.wait_for_metric("faultline_ingest_malformed_total", 1);
  bad.peer().say(broken);
  CHECK(covers(bad.peer().hear<BatchAck>(), bad.boot(), 1));
  stage.wait_for_metric("faultline_ingest_duplicates_total", 1);
  CHECK(stage.metric("faultline_ingest_malformed_total") == 1);

  good.expect_service();
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a message in the wrong number of frames is dropped", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  Node bad(stage, "bad", "127.0.0.3");
  good.expect_service();

  auto raw = connect_raw(stage, bad.peer().keys());
  const auto bytes = garbage(32);
  raw.send(::zmq::buffer(bytes.data(), bytes.size()), ::zmq::send_flags::sndmore);
  raw.send(::zmq::buffer(bytes.data(), bytes.size()));
  stage.wait_for_metric("faultline_frames_malformed_total", 1);

  good.expect_service();
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("whoever knocks without CURVE is refused by address", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  good.expect_service();

  const auto port = stage.endpoint().substr(stage.endpoint().rfind(':') + 1);
  const async::asio::ip::tcp::endpoint where{async::asio::ip::make_address(kAddress),
                                             static_cast<std::uint16_t>(std::stoi(port))};
  const auto knock = [&](std::string_view text) {
    async::asio::ip::tcp::socket socket{stage.loop()};
    socket.connect(where);
    if (!text.empty()) socket.send(async::asio::buffer(text));
    return socket;
  };
  const auto browser = knock("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto null_greeting =
      knock(std::string{"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL", 16} + std::string(48, '\0'));
  stage.wait_for_metric("faultline_handshakes_failed_total", 2);
  const auto silent = knock("");
  stage.wait_for_log({"link: refused", kAddress, "did not finish its handshake in time"});
  stage.wait_for_metric("faultline_handshakes_failed_total", 3);

  good.expect_service();
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("another protocol version is refused by its number", "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  Node bad(stage, "bad", "127.0.0.3");
  good.expect_service();

  auto from_the_future = hello(bad.boot(), profile("127.0.0.3", "r"));
  from_the_future.protocol_major = 99;
  bad.peer().say(from_the_future);
  const auto refusal = bad.peer().hear<Refusal>();
  CHECK(refusal.reason == RefusalReason::kProtocolVersion);
  CHECK_THAT(refusal.text, Catch::Contains("99"));
  stage.wait_for_log({"refused the hello", kAddress, short_name(bad.peer().key()), "99"});
  stage.wait_for_metric("faultline_hellos_refused_total", 1);

  Peer newcomer(stage, keys_of(stage.make_token("third")));
  newcomer.say(Join{.protocol_major = 99, .node_key = crypto::generate_key_pair().public_key});
  CHECK(newcomer.hear<Refusal>().reason == RefusalReason::kProtocolVersion);
  stage.wait_for_log({"join", kAddress, short_name(newcomer.key()), "99"});
  stage.wait_for_metric("faultline_joins_refused_total", 1);

  good.expect_service();
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a removed node is not heard on its open connection, nor let in again",
          "[controller][refusal]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  Node removed(stage, "removed", "127.0.0.3");
  good.expect_service();
  removed.expect_service();
  stage.wait_for_metric("faultline_ingest_batches_total", 2);

  stage.remove_node("removed");
  removed.peer().inbox.clear();
  removed.peer().say(batch(removed.boot(), 2, report(WallTime{}, 2, good.id())));
  CHECK(removed.peer().hear<Refusal>().reason == RefusalReason::kUnknownKey);
  stage.wait_for_log({"refused", kAddress, short_name(removed.peer().key()), "not trusted"});
  stage.wait_for_metric("faultline_messages_untrusted_total", 1);

  const Peer again(stage, removed.peer().keys());
  stage.wait_for_log({"zap", "refused", kAddress, short_name(again.key())});

  good.expect_service();
  stage.wait_for_metric("faultline_ingest_batches_total", 3);
  stage.wait_for_metric("faultline_nodes{state=\"total\"}", 1);
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
