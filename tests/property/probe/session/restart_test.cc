// A sender and a reflector, authenticated, over a network that loses, duplicates and delays, while
// the reflector restarts, keys and modes change and the wall clock is set: what the reports say
// against what was done to each packet.
#include <array>
#include <functional>
#include <memory>
#include <queue>
#include <tuple>
#include <vector>

#include "common/base/random.h"
#include "probe/session/reflector.h"
#include "probe/session/sender.h"
#include "tests/support/catch.h"

namespace faultline::session {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = milliseconds{5};
constexpr NodeId kA{1};
constexpr NodeId kB{2};
const Endpoint kSource{IpAddress::v4(0x0a000001), 47000};
const Endpoint kReflector{IpAddress::v4(0x0a000002), 862};

struct Weather {
  double loss = 0;  // each way
  double duplicate = 0;
  double delay = 0;    // by up to half a second
  double restart = 0;  // of the reflector, per second
  double step = 0;     // of the wall clock by up to 5 s to and fro, per second
  double change = 0;   // of keys or mode, per second
};

crypto::MacKey key(std::uint32_t number) {
  std::array<std::uint8_t, crypto::MacKey::kSecretBytes> secret{};
  secret[0] = static_cast<std::uint8_t>(number);
  secret[1] = static_cast<std::uint8_t>(number >> 8);
  return crypto::MacKey(secret);
}

class World {
 public:
  World(const Weather& weather, std::uint64_t seed) : weather_(weather), rng_(seed), a_(seed) {
    set_reflector();
    set_plan();
  }

  void run(Duration length) {
    const auto end = now_.instant + length;
    for (; now_.instant < end; advance()) {
      if (now_.instant.time_since_epoch() % seconds{1} == Duration::zero()) change_something();
      deliver();
      std::vector<Outgoing> out;
      a_.take_due(now_, 100, out);
      for (const auto& packet : out) send(packet);
      while (auto report = a_.take_report(now_)) judge(*report);
    }
  }

  std::uint64_t sent = 0;      // reported
  std::uint64_t answered = 0;  // reported
  std::uint64_t forward = 0;   // claimed
  std::uint64_t returning = 0;
  std::uint64_t late = 0;
  std::uint64_t rtt_max_ns = 0;
  std::uint64_t lost_forward = 0;  // in truth, of all packets
  std::uint64_t lost_replies = 0;
  std::uint64_t refused = 0;  // by the reflector, for another reason than having no peers yet
  std::uint64_t forged = 0;

 private:
  struct Event {
    Instant at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };

  [[nodiscard]] bool chance(double probability) { return uniform(rng_) < probability; }
  void later(Duration delay, std::function<void()> run) {
    events_.push({now_.instant + delay, order_++, std::move(run)});
  }
  [[nodiscard]] Duration delay() {
    const Duration base = milliseconds{1};
    if (!chance(weather_.delay)) return base;
    return base + Duration{static_cast<std::int64_t>(uniform(rng_) * 5e8)};
  }
  void advance() {
    now_.instant += kTick;
    now_.wall += kTick;
  }
  void deliver() {
    a_.note_clock(now_);
    while (!events_.empty() && events_.top().at <= now_.instant) {
      const auto event = events_.top();
      events_.pop();
      event.run();
    }
  }

  [[nodiscard]] PlanPeer peer(NodeId node, const Endpoint& endpoint) const {
    PlanPeer result;
    result.node = node;
    result.address = endpoint.address;
    result.authenticates = authenticated_;
    return result;
  }
  void set_plan() {
    Plan plan;
    plan.revision = PlanRevision{++revision_};
    plan.window = seconds{2};
    plan.flow_interval = milliseconds{100};
    plan.reply_timeout = seconds{1};
    plan.peers = {peer(kB, kReflector)};
    plan.flows = {{0, kSource.port}};
    KeyTable keys;
    keys.emplace(kB, std::make_shared<const PeerKeys>(
                         PeerKeys{.sending = key(key_), .sent_before = key(key_before_)}));
    a_.set_plan(plan, now_, keys);
  }
  void set_reflector() {
    KeyTable keys;
    keys.emplace(kA, std::make_shared<const PeerKeys>(PeerKeys{
                         .sending = key(9999), .accepted = {key(key_), key(key_before_)}}));
    b_->set_peers({peer(kA, kSource)}, keys);
  }

  void change_something() {
    if (chance(weather_.restart)) {
      b_ = std::make_unique<Reflector>();
      set_reflector();
    }
    if (chance(weather_.step)) {
      now_.wall += Duration{static_cast<std::int64_t>((uniform(rng_) - 0.5) * 1e10)};
    }
    if (chance(weather_.change)) {
      if (chance(0.5)) {
        key_before_ = std::exchange(key_, key_ + 1);
      } else {
        authenticated_ = !authenticated_;
      }
      // The reflector's end first, as its node holds a new pair before anybody is told of it.
      set_reflector();
      set_plan();
    }
  }

  void send(const Outgoing& packet) {
    std::vector<std::byte> octets(
        stamp::base_size(packet.key == nullptr ? stamp::Mode::kOpen : stamp::Mode::kAuthenticated));
    if (packet.key == nullptr) {
      stamp::encode(packet.packet, octets);
    } else {
      stamp::encode(packet.packet, *packet.key, octets);
    }
    if (chance(weather_.loss)) {
      ++lost_forward;
      return;
    }
    for (int copies = chance(weather_.duplicate) ? 2 : 1; copies > 0; --copies) {
      later(delay(), [this, octets] { reflect(octets); });
    }
  }
  void reflect(const std::vector<std::byte>& octets) {
    std::vector<std::byte> reply(octets.size());
    const auto answer =
        b_->answer({.from = kSource, .payload = octets, .received_at = now_.wall}, now_, reply);
    if (!(answer == Reflector::Outcome::kAnswered)) {
      ++refused;
      return;
    }
    if (chance(weather_.loss)) {
      ++lost_replies;
      return;
    }
    for (int copies = chance(weather_.duplicate) ? 2 : 1; copies > 0; --copies) {
      later(delay(), [this, reply] { receive(reply); });
    }
  }
  void receive(const std::vector<std::byte>& octets) {
    const auto mode = stamp::mode_of(octets);
    const auto reply = stamp::decode_reflector(octets, mode);
    REQUIRE(reply);
    const bool open = mode == stamp::Mode::kOpen;
    (void)a_.on_reply(kSource.port, kReflector, *reply, now_.wall,
                      open ? std::span<const std::byte>{} : std::span<const std::byte>(octets));
    forged += a_.take_forged();
  }
  void judge(const Report& report) {
    for (const auto& flow : report.flows) {
      sent += flow.sent;
      answered += flow.answered();
      forward += flow.lost_forward;
      returning += flow.lost_return;
      late += flow.late;
      rtt_max_ns = std::max(rtt_max_ns, flow.rtt_max_ns);
    }
  }

  Weather weather_;
  Rng rng_;
  Sender a_;
  Now now_{.instant = Instant{}, .wall = wall_time_from_unix_seconds(1'000'003)};
  std::unique_ptr<Reflector> b_ = std::make_unique<Reflector>();
  bool authenticated_ = true;
  std::uint32_t key_ = 1;
  std::uint32_t key_before_ = 0;
  std::uint64_t revision_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Event> events_;
};

template <typename Check>
void play(const Weather& weather, Check check) {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    CAPTURE(seed);
    World world(weather, seed);
    world.run(seconds{60});
    CHECK(world.sent > 100);
    CHECK(world.forged == 0);
    CHECK(world.refused == 0);
    CHECK(world.forward <= world.lost_forward);
    CHECK(world.returning <= world.lost_replies);
    CHECK(world.late == 0);
    check(world);
  }
}

}  // namespace

TEST_CASE("a peer's restarts, changes of keys and mode, and set clocks lose nothing by themselves",
          "[session]") {
  play({.restart = 0.1, .step = 0.2, .change = 0.2}, [](const World& world) {
    CHECK(world.answered == world.sent);
    // One way out and one back, each rounded up to a tick: no step of the clock is in it.
    CHECK(world.rtt_max_ns <= static_cast<std::uint64_t>(Duration{4 * kTick}.count()));
  });
}

TEST_CASE(
    "under loss, duplication, delay and all of that no direction is blamed for more than it "
    "lost",
    "[session]") {
  play(
      {.loss = 0.05, .duplicate = 0.02, .delay = 0.02, .restart = 0.05, .step = 0.1, .change = 0.1},
      [](const World& world) { CHECK(world.answered < world.sent); });
}

TEST_CASE("heavy loss with restarts blames no direction for more than it lost", "[session]") {
  play({.loss = 0.3, .restart = 0.1},
       [](const World& world) { CHECK(world.answered < world.sent); });
}

}  // namespace faultline::session
