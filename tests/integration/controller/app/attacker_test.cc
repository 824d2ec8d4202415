// Somebody with access to the network, and no key: he cannot make the controller grow. And somebody
// with a key of his own: it makes him nobody else. (refusals_test.cc has what else he may say.)
#include <signal.h>

#include <array>

#include "common/async/clock.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

using async::asio::ip::tcp;

// Strangers may cost libzmq some buffers, but not memory without end. Generous: what is measured is
// 0 to 3 MiB, and a session that is left behind by each connection or key would be above.
constexpr int kConnectionsPerWave = 200;
constexpr int kWaves = 10;
constexpr long kGrowthMaxKib = 8 * 1024;

class Strangers {
 public:
  explicit Strangers(Stage& stage) : stage_(stage) {
    const auto port = stage.endpoint().substr(stage.endpoint().rfind(':') + 1);
    where_ = {async::asio::ip::make_address("127.0.0.1"),
              static_cast<std::uint16_t>(std::stoi(port))};
  }

  // Each says this and hangs up, or, without anything to say, waits to be hung up on.
  void wave(std::string_view text) {
    std::vector<tcp::socket> sockets;
    for (int i = 0; i < kConnectionsPerWave; ++i) {
      auto& socket = sockets.emplace_back(stage_.loop());
      socket.connect(where_);
      boost::system::error_code ignored;  // it may have hung up on us by then
      if (!text.empty()) socket.send(async::asio::buffer(text), 0, ignored);
    }
    connections += kConnectionsPerWave;
    if (text.empty()) wait_until_cut(sockets);
  }

  std::uint64_t connections = 0;

 private:
  void wait_until_cut(std::vector<tcp::socket>& sockets) {
    std::size_t cut = 0;
    std::array<char, 256> sink{};  // what they are told does not matter
    for (auto& socket : sockets) read_on(socket, sink, cut);
    stage_.wait_for("half-open handshakes to be cut", [&] { return cut == sockets.size(); });
  }

  static void read_on(tcp::socket& socket, std::array<char, 256>& sink, std::size_t& cut) {
    socket.async_read_some(async::asio::buffer(sink), [&](const auto& error, std::size_t /*size*/) {
      if (error) {
        ++cut;
      } else {
        read_on(socket, sink, cut);
      }
    });
  }

  Stage& stage_;
  tcp::endpoint where_;
};

// The ZMTP greeting of a CURVE client, after which a handshake would begin.
std::string curve_greeting() {
  std::string greeting{"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01", 12};
  greeting += "CURVE";
  greeting.resize(64, '\0');
  return greeting;
}

TEST_CASE("thousands of connections without a key leave the controller as small as it was",
          "[controller][attacker]") {
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  good.expect_service();
  Strangers strangers(stage);
  const std::string garbage(4096, '\xa5');

  // What is allocated once and kept: buffers, the heap's arenas.
  strangers.wave(garbage);
  strangers.wave("");
  good.expect_service();
  const auto before = stage.resident_kib();
  for (int wave = 0; wave < kWaves; ++wave) {
    strangers.wave(garbage);
    strangers.wave(curve_greeting());
  }
  strangers.wave("");
  good.expect_service();
  const auto growth = stage.resident_kib() - before;
  WARN(strangers.connections << " connections of strangers: resident set " << before << " KiB, "
                             << growth << " KiB more afterwards");
  CHECK(growth < kGrowthMaxKib);
  CHECK(stage.metric("faultline_handshakes_failed_total") >= kConnectionsPerWave);
  stage.wait_for_metric("faultline_nodes{state=\"total\"}", 1);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("unknown keys by the hundred get no route, no state and no word",
          "[controller][attacker]") {
  constexpr std::uint64_t kKeysPerWave = 50;
  Stage stage;
  stage.start();
  Node good(stage, "good", "127.0.0.2");
  good.expect_service();
  std::uint64_t keys = 0;
  const auto wave = [&] {
    const auto refused = stage.metric("faultline_handshakes_refused_total");
    std::vector<zmq::Socket> sockets;
    for (std::uint64_t i = 0; i < kKeysPerWave; ++i) {
      sockets.push_back(connect_raw(stage, crypto::generate_key_pair()));
    }
    stage.wait_for_metric("faultline_handshakes_refused_total", refused + kKeysPerWave);
    const std::string knock = "let me in";
    for (auto& socket : sockets) {
      // Nothing is taken: there is no connection.
      CHECK_FALSE(socket.send(::zmq::buffer(knock), ::zmq::send_flags::dontwait).has_value());
    }
    keys += kKeysPerWave;
  };
  for (int i = 0; i < 4; ++i) wave();  // what is allocated once and kept
  const auto before = stage.resident_kib();
  for (int i = 0; i < 16; ++i) wave();
  good.expect_service();
  const auto growth = stage.resident_kib() - before;
  WARN(keys << " unknown keys: resident set " << before << " KiB, " << growth << " KiB more");
  CHECK(growth < kGrowthMaxKib);
  CHECK(stage.metric("faultline_messages_untrusted_total") == 0);
  CHECK(stage.get("/api/v1/trust").at("nodes").size() == 1);
  CHECK(stage.end(SIGTERM).status == 0);
}

TEST_CASE("a node cannot take another's name, nor spend another's batches",
          "[controller][attacker]") {
  Stage stage;
  stage.start();
  Node victim(stage, "victim", "127.0.0.2");
  Node liar(stage, "liar", "127.0.0.3");
  victim.expect_service();
  liar.expect_service();

  // Under the victim's boot, and with its next sequence number: it is the liar's batch all the
  // same.
  const auto base = window_start(async::now_wall(), kWindow) - std::chrono::minutes{5};
  liar.peer().say(batch(victim.boot(), 2, report(base, 1, victim.id())));
  CHECK(covers(liar.peer().hear<BatchAck>(), victim.boot(), 2));
  victim.expect_service();
  stage.wait_for_metric("faultline_ingest_batches_total", 4);  // its own number 2 is stored

  // A token for any name does not give a name that is taken, nor the key that has it.
  const auto text = stage.post("/api/v1/tokens", nlohmann::json::object()).at("token");
  const auto token = crypto::parse_token(text.get<std::string>()).value();
  Peer thief(stage, {crypto::public_key_of(token.one_use), token.one_use});
  thief.say(Join{.node_key = crypto::generate_key_pair().public_key,
                 .name = "victim",
                 .profile = profile("127.0.0.4", "r")});
  CHECK(thief.hear<Refusal>().reason == RefusalReason::kNameTaken);
  thief.say(Hello{.boot = victim.boot(), .profile = profile("127.0.0.2", "r")});
  CHECK(thief.hear<Refusal>().reason == RefusalReason::kUnknownKey);
  thief.say(batch(victim.boot(), 3, report(base, 2, liar.id())));
  CHECK(thief.hear<Refusal>().reason == RefusalReason::kUnknownKey);

  // A new key that nobody asked for, the victim's above all, is not pinned.
  for (const auto& key : {victim.peer().key(), crypto::generate_key_pair().public_key}) {
    liar.peer().inbox.clear();
    liar.peer().say(Rekey{.key = key});
    CHECK(liar.peer().hear<Refusal>().reason == RefusalReason::kMalformed);
  }
  victim.expect_service();
  liar.expect_service();
  stage.wait_for_metric("faultline_rekeys_refused_total", 2);
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
