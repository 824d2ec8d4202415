// Questions about what has arrived, between the engine and the mesh.
#include "tests/support/catch.h"
#include "tests/unit/probe/core/fake_world.h"

namespace faultline::probe_core::tests {
namespace {

constexpr NodeId kPeer{2};
const ReceiptsRequest kAboutOne{.request = 5, .sessions = {{.source_port = 61000, .ssid = 3}}};
const Receipts kOne{.request = 5,
                    .records = {{.session = kAboutOne.sessions[0], .newest = 9, .received = {1}}}};

struct Exchanging : Bench {
  explicit Exchanging(std::uint32_t peers = 2) {
    connect();
    receive(make_plan(1, peers));
    world.mesh.clear();
  }
  void hear(MeshMessage message) { step(MeshReceived{key_of(2), std::move(message)}); }
  template <typename Message>
  [[nodiscard]] std::vector<Message> told(NodeId to) const {
    std::vector<Message> result;
    for (const auto& [node, message] : world.mesh) {
      const auto* kind = std::get_if<Message>(&message);
      if (node == to && kind != nullptr) result.push_back(*kind);
    }
    return result;
  }
};

}  // namespace

TEST_CASE("the engine's question goes to its peer, and the answer to the engine",
          "[core][receipts]") {
  Exchanging it;
  it.step(ReceiptQuestion{.to = kPeer, .request = kAboutOne});
  CHECK(it.told<ReceiptsRequest>(kPeer) == std::vector{kAboutOne});
  it.hear(kOne);
  CHECK(it.world.receipts_told == std::vector{ReceiptsTold{.from = kPeer, .receipts = kOne}});
}

TEST_CASE("what cannot be asked is answered with nothing at once", "[core][receipts]") {
  Exchanging it;
  it.world.mesh_takes = false;
  it.step(ReceiptQuestion{.to = kPeer, .request = kAboutOne});
  CHECK(it.world.receipts_told ==
        std::vector{ReceiptsTold{.from = kPeer, .receipts = {.request = 5, .records = {}}}});
  CHECK(it.core.receipts().counters() == ReceiptCounters{.unsent = 1});
}

TEST_CASE("a peer is told of sessions from its own address, and nobody else is",
          "[core][receipts]") {
  Exchanging it;
  it.hear(kAboutOne);
  CHECK(it.world.receipts_ordered ==
        std::vector{ReceiptsOrder{
            .asker = kPeer, .address = IpAddress::v4(0x0a000002), .request = kAboutOne}});
  it.step(ReceiptsRead{.asker = kPeer, .receipts = kOne});
  CHECK(it.told<Receipts>(kPeer) == std::vector{kOne});
  it.step(MeshReceived{key_of(99), kAboutOne});
  CHECK(it.world.receipts_ordered.size() == 1);
}

TEST_CASE("an answer counts once, and only to a question that is open", "[core][receipts]") {
  Exchanging it;
  it.hear(kOne);  // to no question
  it.step(ReceiptQuestion{.to = kPeer, .request = kAboutOne});
  it.step(MeshReceived{key_of(3), kOne});  // of another peer
  CHECK(it.world.receipts_told.empty());
  it.hear(kOne);
  it.hear(kOne);
  CHECK(it.world.receipts_told.size() == 1);
  CHECK(it.core.receipts().counters() == ReceiptCounters{.asked = 1, .answers = 1, .unasked = 3});
  it.step(ReceiptQuestion{.to = kPeer, .request = kAboutOne});
  it.pass(kReceiptsOpenMax);
  it.hear(kOne);
  CHECK(it.world.receipts_told.size() == 1);
}

TEST_CASE("a peer that asks again at once is told nothing", "[core][receipts]") {
  Exchanging it;
  for (int i = 0; i < 3; ++i) it.hear(kAboutOne);
  CHECK(it.world.receipts_ordered.size() == 1);
  CHECK(it.told<Receipts>(kPeer) == std::vector<Receipts>(2, {.request = 5, .records = {}}));
  CHECK(it.core.receipts().counters() == ReceiptCounters{.served = 1, .shed = 2});
  it.step(MeshReceived{key_of(3), kAboutOne});  // another peer is served
  it.pass(kReceiptsSpacing);
  it.hear(kAboutOne);
  CHECK(it.world.receipts_ordered.size() == 3);
}

TEST_CASE("peers that ask too much together are told nothing", "[core][receipts]") {
  constexpr auto kBurst = static_cast<std::uint32_t>(kReceiptsBurst);
  Exchanging it(kBurst + 3);
  for (std::uint32_t i = 0; i < kBurst + 3; ++i) {
    it.step(MeshReceived{key_of(static_cast<std::uint8_t>(2 + i)), kAboutOne});
  }
  CHECK(it.world.receipts_ordered.size() == kBurst);
  CHECK(it.told<Receipts>(NodeId{2 + kBurst}).size() == 1);
  CHECK(it.core.receipts().counters() == ReceiptCounters{.served = kBurst, .shed = 3});
  it.world.engine_takes = false;
  it.pass(seconds{1});
  it.hear(kAboutOne);
  CHECK(it.told<Receipts>(kPeer) == std::vector<Receipts>(1, {.request = 5, .records = {}}));
}

}  // namespace faultline::probe_core::tests
