// A session over a network that knows what it did to each packet, against what the sender
// concludes: of the replies alone, and where it asks the reflector as well.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <vector>

#include "common/base/random.h"
#include "probe/session/flow.h"
#include "probe/session/reflector_sessions.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

constexpr std::uint32_t kPacketsPerWindow = 10;
constexpr Duration kInterval = std::chrono::seconds{1};
constexpr Duration kAsking = std::chrono::seconds{2};   // the reply timeout
constexpr Duration kClosing = std::chrono::seconds{3};  // reply timeout and one interval

struct Network {
  double forward_loss = 0;
  double return_loss = 0;
  double forward_duplicate = 0;
  double return_duplicate = 0;
  double forward_overtaken = 0;  // delayed past the next one or two packets
  double return_overtaken = 0;
  double restart = 0;   // of the reflector, per packet
  double blackout = 0;  // chance per packet that a time of loss in one direction begins
  bool asks = false;    // the reflector, of what the replies leave open
};

struct Truth {
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;
  std::uint32_t lost_forward = 0;    // never arrived
  std::uint32_t lost_returning = 0;  // arrived, and no reply came
  std::uint32_t early = 0;           // sent before what the reflector's record begins with
  std::uint32_t replies_lost = 0;    // of all its arrivals
};

struct Tally {
  std::uint64_t lost = 0;
  std::uint64_t undetermined = 0;
  std::uint64_t overclaimed = 0;  // beyond what was lost going out, of sessions that ask
};

// Plays one session event by event and checks every window.
class Session {
 public:
  Session(const Network& network, std::uint64_t seed)
      : network_(network), rng_(seed), flow_(kId, NodeId{7}, 1, 64) {}

  // Direction totals may be checked per window only if no packet can change places with another.
  void play(std::uint32_t windows, bool exact_windows, Tally& tally) {
    for (std::uint32_t i = 0; i < windows * kPacketsPerWindow; ++i) {
      schedule(now_, [this, i] { send(i / kPacketsPerWindow); });
      now_ += kInterval;
      if ((i + 1) % kPacketsPerWindow == 0) {
        schedule(now_ + kAsking, [this, i] { ask(i / kPacketsPerWindow); });
        schedule(now_ + kClosing,
                 [=, this, &tally] { close(i / kPacketsPerWindow, exact_windows, tally); });
      }
    }
    while (!events_.empty()) {
      const auto event = events_.top();
      events_.pop();
      time_ = event.at;
      event.run();
    }
    // What counts claim in one window stands for what was lost, open, in another; told of the
    // other, it stands for nothing.
    if (network_.asks && !exact_windows) {
      tally.overclaimed += claimed_forward_ - std::min(claimed_forward_, true_forward_);
    } else {
      CHECK(claimed_forward_ <= true_forward_);
    }
    CHECK(claimed_return_ <= true_replies_lost_);
  }

 private:
  struct Event {
    Instant at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };
  inline static const FlowId kId{42000, {IpAddress::v4(0x0a000001), 862}};

  [[nodiscard]] bool chance(double probability) { return uniform(rng_) < probability; }
  void schedule(Instant at, std::function<void()> run) {
    events_.push({at, order_++, std::move(run)});
  }
  [[nodiscard]] Duration delay(double overtaken) {
    const Duration base = std::chrono::milliseconds{10};
    if (!chance(overtaken)) return base;
    return base + kInterval + Duration{static_cast<std::int64_t>(uniform(rng_) * 0.9e9)};
  }

  void send(std::uint32_t window) {
    if (dark_until_ < time_ && chance(network_.blackout)) {
      dark_until_ = time_ + kInterval * static_cast<std::int64_t>(1 + uniform_below(rng_, 40));
      dark_forward_ = chance(0.5);
    }
    if (chance(network_.restart)) reflector_ = {};
    const auto sequence = flow_.send(WallTime{}, window);
    auto& truth = truth_[window];
    ++truth.sent;
    const bool dark = time_ <= dark_until_ && dark_forward_;
    const int copies = dark || chance(network_.forward_loss) ? 0
                       : chance(network_.forward_duplicate)  ? 2
                                                             : 1;
    if (copies == 0) ++truth.lost_forward;
    pending_[sequence] = window;
    for (int i = 0; i < copies; ++i) {
      schedule(time_ + delay(network_.forward_overtaken) + Duration{i},
               [this, sequence, window] { arrive(sequence, window); });
    }
  }

  void ask(std::uint32_t window) {
    told_.reset();
    asked_ = network_.asks && flow_.leaves_open(window);
    if (!asked_) return;
    told_ = reflector_.record_of(kId.remote.address, {.source_port = kId.remote.port, .ssid = 1});
    const auto known_from =
        told_ ? told_->first + kOvertakingMax + 1 : (window + 1) * kPacketsPerWindow;
    for (auto s = window * kPacketsPerWindow; s < (window + 1) * kPacketsPerWindow; ++s) {
      if (s < known_from) ++truth_[window].early;
    }
  }

  void arrive(std::uint32_t sequence, std::uint32_t window) {
    const auto reply = reflector_.next_reply(kId.remote, {.ssid = 1, .sequence = sequence}, time_);
    const bool dark = time_ <= dark_until_ && !dark_forward_;
    if (dark || chance(network_.return_loss)) {
      ++truth_[window].replies_lost;
      return;
    }
    const int copies = chance(network_.return_duplicate) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      schedule(time_ + delay(network_.return_overtaken),
               [this, sequence, reply] { receive(sequence, reply); });
    }
  }

  void receive(std::uint32_t sequence, std::uint32_t reply) {
    const stamp::ReflectorPacket packet{.sequence = reply, .ssid = 1, .sender_sequence = sequence};
    const bool first = pending_.contains(sequence);
    const bool matched = flow_.on_reply(packet, WallTime{}, std::chrono::seconds{2});
    if (!matched) ++true_replies_lost_;  // its window has closed: too late is lost
    if (matched && first) {
      ++truth_[pending_[sequence]].answered;
      pending_.erase(sequence);
    }
  }

  void close(std::uint32_t window, bool exact_windows, Tally& tally) {
    std::vector<std::uint64_t> rtts;
    const auto found = flow_.close(window, rtts, told_ ? &*told_ : nullptr);
    auto& truth = truth_[window];
    truth.lost_returning = truth.sent - truth.answered - truth.lost_forward;
    CAPTURE(window, truth.sent, truth.answered, truth.lost_forward, truth.lost_returning);
    CAPTURE(found.lost_forward, found.lost_return, found.lost_undetermined);
    REQUIRE(found.sent == truth.sent);
    REQUIRE(found.answered() == truth.answered);
    if (asked_) CHECK(found.lost_undetermined <= truth.early);
    if (asked_ && truth.early == 0) {
      CHECK(found.lost_forward == truth.lost_forward);
      CHECK(found.lost_return == truth.lost_returning);
    }
    if (exact_windows) {
      CHECK(found.lost_forward <= truth.lost_forward);
      CHECK(found.lost_return <= truth.lost_returning);
    }
    claimed_forward_ += found.lost_forward;
    claimed_return_ += found.lost_return;
    true_forward_ += truth.lost_forward;
    true_replies_lost_ += truth.replies_lost;
    tally.lost += truth.sent - truth.answered;
    tally.undetermined += found.lost_undetermined;
  }

  Network network_;
  Rng rng_;
  Flow flow_;
  ReflectorSessions reflector_;
  Instant now_{};
  Instant time_{};
  Instant dark_until_{Duration{-1}};
  bool dark_forward_ = false;
  bool asked_ = false;                 // about the window that closes next
  std::optional<SessionRecord> told_;  // likewise
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::map<std::uint32_t, Truth> truth_;            // by window
  std::map<std::uint32_t, std::uint32_t> pending_;  // unanswered sequence -> window
  std::uint64_t claimed_forward_ = 0;
  std::uint64_t claimed_return_ = 0;
  std::uint64_t true_forward_ = 0;
  std::uint64_t true_replies_lost_ = 0;
};

struct Played {
  Tally tally;
  [[nodiscard]] double undetermined_share() const {
    return tally.lost == 0
               ? 0
               : static_cast<double>(tally.undetermined) / static_cast<double>(tally.lost);
  }
};

Played play(const Network& network, int sessions, bool exact_windows) {
  Played played;
  for (int i = 0; i < sessions; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    CAPTURE(seed);
    Session(network, seed).play(40, exact_windows, played.tally);
  }
  return played;
}

}  // namespace

TEST_CASE("under loss both ways no packet is attributed to the wrong direction", "[session]") {
  const auto played = play({.forward_loss = 0.02, .return_loss = 0.01}, 100, true);
  CHECK(played.tally.lost > 500);
  CHECK(played.undetermined_share() < 0.15);
}

TEST_CASE("heavy loss leaves more undetermined, and still none wrong", "[session]") {
  const auto played = play({.forward_loss = 0.4, .return_loss = 0.3}, 100, true);
  CHECK(played.undetermined_share() < 0.6);
}

TEST_CASE("loss in one direction is attributed to it nearly always", "[session]") {
  CHECK(play({.forward_loss = 0.05}, 100, true).undetermined_share() < 0.1);
  CHECK(play({.return_loss = 0.05}, 100, true).undetermined_share() < 0.1);
}

TEST_CASE("restarts of the reflector make loss undetermined, never wrong", "[session]") {
  const auto played = play({.forward_loss = 0.05, .return_loss = 0.05, .restart = 0.02}, 200, true);
  CHECK(played.undetermined_share() < 0.95);
}

TEST_CASE("times without any packet in one direction are attributed to it or to none",
          "[session]") {
  (void)play({.forward_loss = 0.01, .return_loss = 0.01, .restart = 0.005, .blackout = 0.02}, 200,
             true);
}

TEST_CASE("replies duplicated or reordered on their way back change nothing", "[session]") {
  const auto played = play(
      {.forward_loss = 0.05, .return_loss = 0.05, .return_duplicate = 0.1, .return_overtaken = 0.1},
      100, true);
  CHECK(played.undetermined_share() < 0.2);
}

TEST_CASE("packets duplicated on their way out blame no direction for what it did not lose",
          "[session]") {
  (void)play({.forward_loss = 0.05,
              .return_loss = 0.05,
              .forward_duplicate = 0.05,
              .return_duplicate = 0.05,
              .restart = 0.005},
             300, false);
}

TEST_CASE("packets that overtake each other blame no direction for what it did not lose",
          "[session]") {
  (void)play({.forward_loss = 0.02,
              .return_loss = 0.02,
              .forward_duplicate = 0.02,
              .forward_overtaken = 0.02,
              .return_overtaken = 0.02,
              .restart = 0.005,
              .blackout = 0.002},
             300, false);
}

TEST_CASE("a reflector that is asked leaves no direction open, whatever else happens",
          "[session][receipts]") {
  const auto played = play({.forward_loss = 0.2,
                            .return_loss = 0.2,
                            .forward_duplicate = 0.05,
                            .return_duplicate = 0.05,
                            .forward_overtaken = 0.05,
                            .return_overtaken = 0.05,
                            .blackout = 0.02,
                            .asks = true},
                           200, false);
  CHECK(played.tally.lost > 10'000);
  CHECK(played.tally.overclaimed * 1000 < played.tally.lost);
  // Packets before the first that ever arrived.
  CHECK(played.undetermined_share() < 0.01);
}

TEST_CASE("a reflector that was restarted says nothing of what it has forgotten",
          "[session][receipts]") {
  const auto played = play(
      {.forward_loss = 0.1, .return_loss = 0.1, .restart = 0.01, .blackout = 0.02, .asks = true},
      200, true);
  CHECK(played.undetermined_share() < 0.2);
}

}  // namespace faultline::session
