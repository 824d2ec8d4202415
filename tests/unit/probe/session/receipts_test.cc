// What the far end has received: its record, and what follows from it for a window.
#include <set>

#include "probe/session/attribution.h"
#include "probe/session/reflector_sessions.h"
#include "probe/session/sender.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

const Endpoint kAsker{IpAddress::v4(0x0a000001), 47000};
constexpr SessionName kAsked{.source_port = 47000, .ssid = 9};

// Those of [from, to) that the record says were received, and were not.
struct Told {
  std::set<std::uint32_t> received, missing;
};
Told told(const SessionRecord& record, std::uint32_t from, std::uint32_t to) {
  Told result;
  for (auto s = from; s != to; ++s) {
    const auto receipt = receipt_of(record, s);
    if (receipt == Receipt::kReceived) result.received.insert(s);
    if (receipt == Receipt::kNotReceived) result.missing.insert(s);
  }
  return result;
}

constexpr Fate kMissed{.told = Receipt::kNotReceived};
constexpr Fate kCame{.told = Receipt::kReceived};
constexpr Fate kSilent{};
constexpr Fate replied(std::uint32_t reply) {
  return {.arrivals = 1, .reply_low = reply, .reply_high = reply};
}
Loss judge_told(const std::vector<Fate>& fates, std::size_t window) {
  Anchor anchor{.known = true, .reply = 100, .highest = 100};
  const auto loss = attribute_loss(anchor, fates, window);
  return loss;
}

}  // namespace

TEST_CASE("a record tells of each of the newest packets whether it has arrived",
          "[session][receipts]") {
  ReflectorSessions sessions;
  std::set<std::uint32_t> arrived;
  // Across the wrap of the sequence number, in steps within a word, of a word and beyond.
  std::uint32_t sequence = 0xffffff00;
  for (const std::uint32_t step : {1, 2, 63, 1, 64, 1, 65, 3, 30, 30, 30}) {
    sequence += step;
    arrived.insert(sequence);
    (void)sessions.next_reply(kAsker, {.ssid = 9, .sequence = sequence}, {});
    const auto record = sessions.record_of(kAsker.address, kAsked).value();
    CHECK(record.newest == sequence);
    CHECK(record.first == 0xffffff01);
    const auto known = told(record, sequence - kReceiptsKept + 1, sequence + 1);
    for (auto s = sequence - kReceiptsKept + 1; s != sequence + 1; ++s) {
      CAPTURE(s, sequence);
      CHECK(known.received.contains(s) == arrived.contains(s));
    }
  }
  // One that was overtaken, and a copy.
  (void)sessions.next_reply(kAsker, {.ssid = 9, .sequence = sequence - 70}, {});
  (void)sessions.next_reply(kAsker, {.ssid = 9, .sequence = sequence}, {});
  const auto record = sessions.record_of(kAsker.address, kAsked).value();
  CHECK(receipt_of(record, sequence - 70) == Receipt::kReceived);
  CHECK(receipt_of(record, sequence - 71) == Receipt::kNotReceived);
  CHECK(receipt_of(record, sequence + 1) == Receipt::kNotReceived);
  CHECK(receipt_of(record, sequence - kReceiptsKept) == Receipt::kNotTold);
}

TEST_CASE("nothing is said of packets before a record began, nor of another's sessions",
          "[session][receipts]") {
  ReflectorSessions sessions;
  (void)sessions.next_reply(kAsker, {.ssid = 9, .sequence = 50}, {});
  (void)sessions.next_reply(kAsker, {.ssid = 9, .sequence = 60}, {});
  const auto record = sessions.record_of(kAsker.address, kAsked).value();
  const auto known = told(record, 40, 62);
  CHECK(known.received == std::set<std::uint32_t>{50, 60});
  CHECK(known.missing == std::set<std::uint32_t>{55, 56, 57, 58, 59, 61});
  CHECK_FALSE(sessions.record_of(IpAddress::v4(0x0a000002), kAsked));
  auto other = kAsked;
  other.authenticated = true;
  CHECK_FALSE(sessions.record_of(kAsker.address, other));
}

TEST_CASE("a record begins anew after a packet that was refused, and after one with a far number",
          "[session][receipts]") {
  ReflectorSessions sessions;
  const auto arrive = [&](std::uint32_t sequence) {
    return sessions.next_reply(kAsker, {.ssid = 9, .sequence = sequence}, {});
  };
  const auto record = [&] { return sessions.record_of(kAsker.address, kAsked); };
  for (std::uint32_t s = 50; s < 60; ++s) CHECK(arrive(s) == s - 50);
  sessions.refuse(kAsker, {.ssid = 9, .sequence = 60});
  CHECK_FALSE(record());
  CHECK(arrive(61) == 10);  // to the sender it looks like no restart
  REQUIRE(record());
  CHECK(told(*record(), 50, 62).missing.empty());
  CHECK(told(*record(), 50, 62).received == std::set<std::uint32_t>{61});
  (void)arrive(2'000'000'000);
  (void)arrive(62);
  CHECK(record()->newest == 62);
  (void)arrive(62 + ReflectorSessions::kReach);  // not too far
  CHECK(record()->first == 62);
}

TEST_CASE("what the reflector says decides what replies leave open", "[session][receipts]") {
  CHECK(judge_told({replied(101), kMissed, kMissed}, 3) == Loss{.forward = 2});
  CHECK(judge_told({replied(101), kCame, kCame}, 3) == Loss{.returning = 2});
  CHECK(judge_told({kCame, kMissed, kCame}, 3) == Loss{.forward = 1, .returning = 2});
  CHECK(judge_told({kCame, kSilent}, 2) == Loss{.returning = 1, .undetermined = 1});
  // Both kinds in a gap that reaches into the next window.
  CHECK(judge_told({kCame, kMissed, kSilent, replied(103)}, 2) ==
        Loss{.forward = 1, .returning = 1});
  // The counts go on where it says nothing.
  CHECK(judge_told({kSilent, replied(101), kCame}, 3) == Loss{.forward = 1, .returning = 1});
}

TEST_CASE("what it says is not doubted where counts contradict each other", "[session][receipts]") {
  // A packet that was duplicated on its way and whose replies were lost.
  const std::vector<Fate> fates{replied(101), kMissed, replied(104), replied(106)};
  CHECK(judge_told(fates, 4) == Loss{.forward = 1});
  CHECK(judge_told({replied(101), kSilent, replied(104), replied(106)}, 4) ==
        Loss{.undetermined = 1});
}

// A sender to one target whose replies stop at some point, and who is asked.
namespace {

constexpr Duration kStep = std::chrono::milliseconds{5};

struct Asking {
  Asking() {
    Plan plan{.revision = PlanRevision{1}};
    plan.peers = {{.node = NodeId{7}, .address = IpAddress::v4(0x0a000007)}};
    plan.flows = {{.peer = 0, .source_port = 47000}};
    window = plan.window;
    reply_timeout = plan.reply_timeout;
    flow_interval = plan.flow_interval;
    sender.set_plan(plan, now);
  }
  void run_until(Instant end) {
    for (; now.instant < end; now.instant += kStep, now.wall += kStep) {
      std::vector<Outgoing> out;
      sender.take_due(now, 100, out);
      for (const auto& packet : out) arrive(packet);
      while (auto question = sender.take_question(now)) questions.emplace_back(*question, now);
      while (auto report = sender.take_report(now)) reports.emplace_back(*report, now);
    }
  }
  void arrive(const Outgoing& packet) {
    const auto& sent = packet.packet;
    if (!arrives) return;
    const auto number =
        sessions.next_reply({kAsker.address, packet.source_port},
                            {.ssid = sent.ssid, .sequence = sent.sequence}, now.instant);
    if (!replies) return;
    const stamp::ReflectorPacket reply{.sequence = number,
                                       .ssid = sent.ssid,
                                       .sender_sequence = sent.sequence,
                                       .sender_timestamp = stamp::to_ntp(sent.sent_at)};
    CHECK(sender.on_reply(packet.source_port, packet.to, reply, now.wall));
  }
  // Of the newest question.
  [[nodiscard]] Receipts answer() const {
    const auto& request = questions.back().first.request;
    Receipts receipts{.request = request.request};
    for (const auto& session : request.sessions) {
      receipts.records.push_back(sessions.record_of(kAsker.address, session).value());
    }
    return receipts;
  }
  void run_until_question() {
    const auto before = questions.size();
    while (questions.size() == before) run_until(now.instant + kStep);
  }
  FlowWindow next_window() {
    const auto before = reports.size();
    while (reports.size() == before) run_until(now.instant + kStep);
    return reports.back().first.flows.at(0);
  }

  Duration window{}, reply_timeout{}, flow_interval{};
  bool arrives = true, replies = true;
  Sender sender{42};
  Now now{.instant = Instant{}, .wall = wall_time_from_unix_seconds(1'000'003)};
  ReflectorSessions sessions;
  std::vector<std::pair<ReceiptQuestion, Now>> questions;
  std::vector<std::pair<Report, Now>> reports;
};

}  // namespace

TEST_CASE("a window without replies asks the far end once, and is decided by its answer",
          "[session][receipts]") {
  for (const bool arrives : {true, false}) {
    CAPTURE(arrives);
    Asking it;
    it.run_until(it.now.instant + 3 * it.window);
    CHECK(it.questions.empty());  // what is answered needs none
    it.replies = false;
    it.arrives = arrives;
    it.run_until_question();
    (void)it.next_window();  // in which it began
    it.run_until_question();
    CHECK(it.questions.back().first.to == NodeId{7});
    it.sender.take_receipts(NodeId{7}, it.answer());
    const auto closed = it.next_window();
    CHECK(closed.sent > 0);
    CHECK(closed.answered() == 0);
    CHECK((arrives ? closed.lost_return : closed.lost_forward) == closed.sent);
    CHECK(it.questions.size() == 2);
    // The answer came in time: the window closed when it would have closed without a question.
    CHECK(it.reports.back().second.instant - it.questions.back().second.instant <=
          it.flow_interval + kStep);
  }
}

TEST_CASE("a window waits a moment for the answer, and not for one that does not count",
          "[session][receipts]") {
  Asking it;
  it.run_until(it.now.instant + 3 * it.window);
  it.replies = false;
  it.run_until_question();
  (void)it.next_window();
  it.run_until_question();
  const auto asked_at = it.questions.back().second.instant;
  it.sender.take_receipts(NodeId{8}, it.answer());  // nobody asked it
  auto old = it.answer();
  --old.request;
  it.sender.take_receipts(NodeId{7}, old);
  const auto closed = it.next_window();
  CHECK(closed.lost_undetermined == closed.sent);
  CHECK(it.reports.back().second.instant >= asked_at + std::min(it.flow_interval, kAnswerWait));
  CHECK(it.reports.back().second.instant <=
        asked_at + std::max(it.flow_interval, kAnswerWait) + kStep);
  it.sender.take_receipts(NodeId{7}, it.answer());  // too late: of no window
  const auto next = it.next_window();
  CHECK(next.lost_undetermined == next.sent);
}

TEST_CASE("a record of a session that was not asked about is ignored", "[session][receipts]") {
  Asking it;
  it.run_until(it.now.instant + 3 * it.window);
  it.replies = false;
  it.run_until_question();
  (void)it.next_window();
  it.run_until_question();
  auto answer = it.answer();
  answer.records.at(0).session.authenticated = true;
  it.sender.take_receipts(NodeId{7}, answer);
  const auto closed = it.next_window();
  CHECK(closed.lost_undetermined == closed.sent);
}

TEST_CASE("a sender that ends asks nothing more, and keeps its grace", "[session][receipts]") {
  Asking it;
  it.run_until(it.now.instant + 3 * it.window);
  it.replies = false;
  it.run_until(it.now.instant + 2 * it.flow_interval);
  CHECK(it.questions.empty());
  const auto grace = it.reply_timeout;
  it.sender.finish(it.now, grace);
  it.run_until(it.now.instant + grace + kStep);
  CHECK(it.questions.empty());
  CHECK_FALSE(it.sender.has_open_windows());
}

TEST_CASE("peers that there was no room to ask are asked first about the next window",
          "[session][receipts]") {
  Plan plan{.revision = PlanRevision{1}};
  constexpr auto kPeers = static_cast<std::uint32_t>(kPeersAskedMax + 8);
  for (std::uint32_t i = 0; i < kPeers; ++i) {
    plan.peers.push_back({.node = NodeId{i + 1}, .address = IpAddress::v4(0x0a000001 + i)});
    plan.flows.push_back({.peer = i, .source_port = 47000});
  }
  Sender sender{42};
  Now now{.instant = Instant{}, .wall = wall_time_from_unix_seconds(1'000'003)};
  sender.set_plan(plan, now);
  std::set<NodeId> asked;
  std::vector<std::size_t> asked_of_window;
  while (asked_of_window.size() < 2) {
    std::vector<Outgoing> out;
    sender.take_due(now, 1000, out);
    std::size_t count = 0;
    for (; const auto question = sender.take_question(now); ++count) asked.insert(question->to);
    if (count > 0) {
      asked_of_window.push_back(count);
      CHECK(sender.take_unasked() == kPeers - kPeersAskedMax);
    }
    while (sender.take_report(now)) {
    }
    now.instant += kStep;
    now.wall += kStep;
  }
  CHECK(asked_of_window == std::vector<std::size_t>(2, kPeersAskedMax));
  CHECK(asked.size() == kPeers);
}

TEST_CASE("questions are bounded per peer and per window", "[session][receipts]") {
  Questions questions;
  questions.begin(Instant{});
  for (std::uint32_t peer = 1; peer <= kPeersAskedMax + 1; ++peer) {
    for (std::uint16_t port = 1; port <= kReceiptSessionsMax + 1; ++port) {
      questions.add(NodeId{peer}, {.source_port = port, .ssid = 1});
    }
  }
  std::set<NodeId> peers;
  while (const auto question = questions.take()) {
    peers.insert(question->to);
    CHECK(question->request.sessions.size() == kReceiptSessionsMax);
  }
  CHECK(peers.size() == kPeersAskedMax);
  CHECK(questions.waits_until());
  questions.end();
  CHECK_FALSE(questions.waits_until());
}

}  // namespace faultline::session
