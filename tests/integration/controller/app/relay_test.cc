// A batch that another node brings, sealed, over real TCP and CURVE.
#include <signal.h>

#include "common/async/clock.h"
#include "common/crypto/seal.h"
#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

using crypto::SealKind;

struct Relaying {
  [[nodiscard]] std::vector<std::byte> sealed(const crypto::KeyPair& by,
                                              std::uint64_t sequence) const {
    const auto base = window_start(async::now_wall(), kWindow) - std::chrono::minutes{5};
    const auto message = wire::encode(
        ProbeMessage{batch(origin.boot(), sequence, report(base, sequence, relay.id()))});
    return crypto::seal(SealKind::kBatch, by, stage.controller_key(), message).value();
  }
  void bring(std::vector<std::byte> bytes) {
    relay.peer().say(Relayed{.origin = origin.peer().key(), .sealed = std::move(bytes)});
  }
  // What the origin reads of what the relay was answered.
  [[nodiscard]] BatchAck hear_ack() {
    const auto answer = relay.peer().hear<RelayedAck>();
    CHECK(answer.origin == origin.peer().key());
    const auto opened = crypto::open_seal(SealKind::kBatchAck, origin.peer().keys(),
                                          stage.controller_key(), answer.sealed);
    REQUIRE(opened);
    return std::get<BatchAck>(wire::decode_controller_message(*opened).value());
  }

  Stage stage;
  struct Started {
    explicit Started(Stage& stage) { stage.start(); }
  } started{stage};
  Node relay{stage, "relay", "127.0.0.10"};
  Node origin{stage, "origin", "127.0.0.11"};
};

TEST_CASE("a sealed batch is stored once and acknowledged under a seal; a forged one is refused",
          "[controller][relay][integration]") {
  Relaying it;
  it.stage.wait_for_log({"node origin is silent"});  // one that was just heard is answered itself
  it.bring(it.sealed(it.origin.peer().keys(), 2));
  CHECK(covers(it.hear_ack(), it.origin.boot(), 2));
  it.bring(it.sealed(it.origin.peer().keys(), 2));  // it comes again
  CHECK(covers(it.hear_ack(), it.origin.boot(), 2));
  it.stage.wait_for_metric("faultline_relayed_batches_total", 2);
  CHECK(it.stage.metric("faultline_ingest_batches_total") == 1);
  CHECK(it.stage.metric("faultline_ingest_duplicates_total") == 1);

  it.bring(it.sealed(it.relay.peer().keys(), 3));  // by who brings it
  auto changed = it.sealed(it.origin.peer().keys(), 4);
  changed.back() ^= std::byte{1};
  it.bring(std::move(changed));
  it.stage.wait_for_metric("faultline_relayed_refused_total", 2);
  it.bring(it.sealed(it.origin.peer().keys(), 5));
  const auto ack = it.hear_ack();
  CHECK(covers(ack, it.origin.boot(), 5));
  CHECK_FALSE(covers(ack, it.origin.boot(), 3));
  CHECK_FALSE(covers(ack, it.origin.boot(), 4));

  it.stage.remove_node("origin");
  it.bring(it.sealed(it.origin.peer().keys(), 6));
  it.stage.wait_for_metric("faultline_relayed_refused_total", 3);
  CHECK(it.stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
