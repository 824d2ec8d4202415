#include "common/facts/exchange.h"

#include "common/facts/facts_json.h"
#include "common/facts/parcel.h"
#include "tests/support/catch.h"
#include "tests/unit/common/facts/samples.h"

namespace faultline::facts {
namespace {

using std::chrono::minutes;

// The keeper, as the controller is one.
struct Keeper {
  std::optional<Facts> latest{};

  FactsAck receive(const FactsUpdate& update) {
    auto facts = follow(latest, update);
    if (!facts) return FactsAck{.digest = 0};
    latest = *std::move(facts);
    return FactsAck{.digest = digest_of(*latest)};
  }
};

Facts later(Facts facts, Duration by) {
  facts.collected_at += by;
  return facts;
}

TEST_CASE("a snapshot goes once, then what changed", "[facts]") {
  Sender sender;
  Keeper keeper;
  auto facts = tests::sample_facts();
  const auto first = sender.next(facts);
  REQUIRE((first && *first));
  CHECK((*first)->base == 0);
  sender.acknowledged(keeper.receive(**first));
  CHECK(keeper.latest == facts);

  facts = later(facts, minutes{1});
  facts.interfaces->items[0].mtu = 9000;
  const auto second = sender.next(facts);
  REQUIRE((second && *second));
  CHECK((*second)->base == (*first)->digest);
  CHECK((*second)->payload.size() * 4 < (*first)->payload.size());
  sender.acknowledged(keeper.receive(**second));
  CHECK(keeper.latest == facts);
}

TEST_CASE("counters alone are no news for ten minutes", "[facts]") {
  Sender sender;
  Keeper keeper;
  auto facts = tests::sample_facts();
  sender.acknowledged(keeper.receive(**sender.next(facts)));
  facts.interfaces->items[0].counters->rx_packets += 1000;
  facts.cpu->total += 100;
  facts.neighbors->items[0].state = "reachable";
  CHECK(*sender.next(later(facts, minutes{9})) == std::nullopt);
  const auto refreshed = sender.next(later(facts, minutes{10}));
  REQUIRE((refreshed && *refreshed));
  sender.acknowledged(keeper.receive(**refreshed));
  CHECK(keeper.latest == later(facts, minutes{10}));
}

TEST_CASE("an update or an acknowledgement that is lost is made up for", "[facts]") {
  Sender sender;
  Keeper keeper;
  auto facts = tests::sample_facts();
  sender.acknowledged(keeper.receive(**sender.next(facts)));
  facts.interfaces->items[0].mtu = 1;
  CHECK(*sender.next(later(facts, minutes{1})));  // never arrives
  facts.interfaces->items[0].mtu = 2;
  const auto third = *sender.next(later(facts, minutes{2}));
  const auto lost = keeper.receive(*third);  // arrives, its acknowledgement does not
  CHECK(keeper.latest == later(facts, minutes{2}));
  facts.interfaces->items[0].mtu = 3;
  const auto fourth = *sender.next(later(facts, minutes{3}));
  const auto answer = keeper.receive(*fourth);
  CHECK(answer == FactsAck{.digest = 0});  // it builds on what is not there any more
  sender.acknowledged(answer);
  const auto fifth = *sender.next(later(facts, minutes{4}));
  CHECK(fifth->base == 0);
  sender.acknowledged(keeper.receive(*fifth));
  CHECK(keeper.latest == later(facts, minutes{4}));
  CHECK(lost.digest != 0);
}

TEST_CASE("an update that is damaged or too large is refused", "[facts]") {
  Sender sender;
  auto update = **sender.next(tests::sample_facts());
  auto damaged = update;
  damaged.payload[damaged.payload.size() / 2] ^= std::byte{0xff};
  CHECK_FALSE(follow({}, damaged));
  damaged.payload = {std::byte{1}};
  CHECK_FALSE(follow({}, damaged));
  // A bomb: a small message that says it becomes a large text.
  damaged.payload = *pack(std::string(kDocumentMax + 1, ' '));
  CHECK(damaged.payload.size() < 10'000);
  CHECK(follow({}, damaged).error().code == ErrorCode::kLimit);
  auto misled = update;
  misled.base = update.digest;
  CHECK(follow({}, misled).error().code == ErrorCode::kConflict);
}

TEST_CASE("a text survives being packed", "[facts]") {
  for (const std::string text : {"", "a", "some longer text, some longer text"}) {
    CHECK(unpack(*pack(text), 100) == text);
  }
}

}  // namespace
}  // namespace faultline::facts
