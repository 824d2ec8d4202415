#include "probe/session/attribution.h"

#include <vector>

#include "tests/support/catch.h"

namespace Catch {
template <>
struct StringMaker<faultline::session::Loss> {
  static std::string convert(const faultline::session::Loss& loss) {
    return "{forward " + std::to_string(loss.forward) + ", returning " +
           std::to_string(loss.returning) + ", undetermined " + std::to_string(loss.undetermined) +
           "}";
  }
};
}  // namespace Catch

namespace faultline::session {
namespace {

constexpr Fate kLost{};
Fate answered(std::uint32_t reply) {
  return {.arrivals = 1, .reply_low = reply, .reply_high = reply};
}
Fate duplicated(std::uint32_t low, std::uint32_t high) {
  return {.arrivals = 2, .reply_low = low, .reply_high = high};
}

// An anchor just before the first fate, in a session that is long past its beginning.
Anchor anchor_at(std::uint32_t reply) { return {.known = true, .reply = reply, .highest = reply}; }

Loss attribute(std::uint32_t reply_before, const std::vector<Fate>& fates) {
  auto anchor = anchor_at(reply_before);
  return attribute_loss(anchor, fates, fates.size());
}

}  // namespace

TEST_CASE("a packet that the reflector never numbered was lost going out", "[session]") {
  CHECK(attribute(100, {answered(101), kLost, answered(102)}) == Loss{.forward = 1});
}

TEST_CASE("a packet that the reflector numbered was lost returning", "[session]") {
  CHECK(attribute(100, {answered(101), kLost, answered(103)}) == Loss{.returning = 1});
}

TEST_CASE("a gap inside the window may hold both kinds", "[session]") {
  CHECK(attribute(100, {kLost, kLost, kLost, answered(102)}) == Loss{.forward = 2, .returning = 1});
}

TEST_CASE("loss that no later reply encloses is undetermined", "[session]") {
  CHECK(attribute(100, {answered(101), kLost, kLost}) == Loss{.undetermined = 2});
}

TEST_CASE("a later window's reply encloses the last gap", "[session]") {
  auto anchor = anchor_at(100);
  const std::vector<Fate> fates{answered(101), kLost, answered(102)};
  CHECK(attribute_loss(anchor, fates, 2) == Loss{.forward = 1});
  CHECK(anchor ==
        Anchor{.known = true, .reply = 101, .highest = 101, .distance = 2, .unanswered = 1});
}

TEST_CASE("a gap of one kind that spans windows is attributed in each of them", "[session]") {
  auto anchor = anchor_at(100);
  const std::vector<Fate> first{kLost, kLost, answered(101)};
  CHECK(attribute_loss(anchor, first, 1) == Loss{.forward = 1});
  CHECK(attribute_loss(anchor, std::span(first).subspan(1), 2) == Loss{.forward = 1});
}

TEST_CASE("a gap of both kinds that spans windows is undetermined", "[session]") {
  auto anchor = anchor_at(100);
  const std::vector<Fate> fates{kLost, kLost, answered(102)};
  CHECK(attribute_loss(anchor, fates, 1) == Loss{.undetermined = 1});
  CHECK(attribute_loss(anchor, std::span(fates).subspan(1), 2) == Loss{.undetermined = 1});
}

TEST_CASE("loss around a restart of the reflector is undetermined", "[session]") {
  CHECK(attribute(100, {answered(101), kLost, answered(0), answered(1)}) ==
        Loss{.undetermined = 1});
}

TEST_CASE("a restart that hides behind a long gap is not mistaken for loss", "[session]") {
  // The reflector counted 21 packets; 30 were sent meanwhile, so it may have begun anew.
  std::vector<Fate> fates(30, kLost);
  fates.push_back(answered(20));
  CHECK(attribute(5, fates) == Loss{.undetermined = 30});
}

TEST_CASE("packets that overtook each other leave the loss around them intact", "[session]") {
  CHECK(attribute(100, {answered(102), answered(101), kLost, answered(103)}) == Loss{.forward = 1});
}

TEST_CASE("an overtaken packet whose window has closed still counts as received", "[session]") {
  auto anchor = anchor_at(100);
  const std::vector<Fate> fates{answered(102), answered(101), kLost, answered(103)};
  CHECK(attribute_loss(anchor, fates, 1) == Loss{});
  CHECK(attribute_loss(anchor, std::span(fates).subspan(1), 3) == Loss{.forward = 1});
}

TEST_CASE("a duplicate seen by the reflector is not taken for a lost reply", "[session]") {
  CHECK(attribute(100, {duplicated(101, 102), kLost, answered(103)}) == Loss{.forward = 1});
}

TEST_CASE("more arrivals than packets make forward loss undetermined", "[session]") {
  // 101 was numbered, but no packet is missing: somebody's copy. It may be the first one's.
  CHECK(attribute(100, {kLost, answered(101), answered(103)}) == Loss{.undetermined = 1});
}

TEST_CASE("sequences that wrap around are compared across the wrap", "[session]") {
  const std::uint32_t last = 0xffffffff;
  CHECK(attribute(last - 2, {answered(last - 1), kLost, answered(last)}) == Loss{.forward = 1});
  auto anchor = anchor_at(last);
  const std::vector<Fate> fates{answered(0), answered(1), kLost, answered(2)};
  CHECK(attribute_loss(anchor, fates, fates.size()) == Loss{.undetermined = 1});  // or a restart
  CHECK(anchor.reply == 2);
}

TEST_CASE("a packet that the kernel refused is not lost", "[session]") {
  CHECK(attribute(100, {answered(101), Fate{.sent = false}, answered(102)}) == Loss{});
}

TEST_CASE("a session without any reply is undetermined", "[session]") {
  Anchor anchor;
  const std::vector<Fate> fates(10, kLost);
  CHECK(attribute_loss(anchor, fates, 10) == Loss{.undetermined = 10});
  CHECK_FALSE(anchor.known);
}

}  // namespace faultline::session
