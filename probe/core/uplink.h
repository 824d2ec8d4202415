// Uplink: the conversation with the controller, from joining to heartbeats.
//
//   closed -> greeting -> welcomed        greeting: Join or Hello is on its way
//
// A link whose socket takes no message has lost its connection: the socket connects again by
// itself, and the greeting is repeated until it is taken. A link that is silent for two heartbeats,
// answers no greeting for as long, or takes none for as long or for the time of a handshake, is
// replaced by the next candidate: each pair of endpoint and controller key in turn. Before the node
// is known to have joined it tries the token's identity and the node's key in turn (the answer to a
// Join may have been lost); a node that has joined turns to its token, and to the controllers of
// its configuration, when none of the ways of its membership leads anywhere, or it is told that its
// key is not trusted. While the node changes keys both of its own are tried in turn.
//
// Keys: RekeyRequest -> make_next_key -> Rekey -> Rekeyed -> a link under the next key -> welcomed:
// it is the node's. Whatever is lost on the way, by a crash of either side too, is made up for by
// the next Welcome: Rekey is sent again while there is a next key that is not the node's yet.
// Controllers' keys are acknowledged when they are durable.
//
// Pure. Thread safety: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/model/control.h"
#include "probe/core/effects.h"
#include "probe/core/events.h"

namespace faultline::probe_core {

// Until a Welcome names another.
inline constexpr Duration kHeartbeatDefault = std::chrono::seconds{5};
// After a refusal that time alone does not heal; jittered, as all waits are.
inline constexpr Duration kRefusedWait = std::chrono::seconds{15};
inline constexpr Duration kRetryWaitMin = std::chrono::milliseconds{250};
inline constexpr Duration kRetryWaitMax = std::chrono::seconds{5};
// Who may be refused, which is silent, begins anew so soon, in the next rounds of all ways after
// twice and four times as long. A member with one way to go knows that it is trusted, and waits for
// its turn (kPatientHandshake).
inline constexpr Duration kHandshake = std::chrono::seconds{3};
inline constexpr std::uint64_t kHandshakeDoublingsMax = 2;
// How long an unconnected link is waited for when the controller may serve another key by now.
inline constexpr Duration kOtherKeyPatience = std::chrono::milliseconds{1500};

struct UplinkOptions {
  std::string software{};
  std::string name{};  // wanted when joining; may be empty
  NodeProfile profile{};
  BootId boot{};
  PublicKey node_key{};
  std::optional<PublicKey> next_key{};  // made, and perhaps told, but not the node's yet
  bool has_token = false;
  std::vector<std::string> endpoints{};  // of the token
  std::vector<PublicKey> controllers{};
  // Of the configuration: an operator has told the controller this node's key.
  std::vector<std::string> configured_endpoints{};
  std::vector<PublicKey> configured_controllers{};
  std::optional<Membership> membership{};  // preferred to both
};

// What a Hello and a Heartbeat say of the rest of the core.
struct UplinkStatus {
  PlanRevision plan;
  std::uint64_t plan_hash = 0;
  SpoolLevel spool;
};

struct UplinkCounters {
  std::uint64_t links_opened = 0;
  std::uint64_t links_lost = 0;  // (*) connections lost or given up after a welcome
  std::uint64_t refusals = 0;    // (*)
  std::uint64_t unexpected = 0;  // (*) messages that do not belong in this state
  std::uint64_t heartbeats = 0;
  std::uint64_t rekeys = 0;  // changes of the node's key

  bool operator==(const UplinkCounters&) const = default;
};

class Uplink {
 public:
  Uplink(UplinkOptions options, Rng& rng);

  void tick(Now now, const UplinkStatus& status, EffectSink& effects);
  // True when the node has just been welcomed: what was in flight is to be sent again. Not when it
  // was all along.
  [[nodiscard]] bool welcome(Now now, const Welcome& welcome, EffectSink& effects);
  void joined(Now now, const Joined& joined, EffectSink& effects);
  void refused(Now now, const Refusal& refusal, EffectSink& effects);
  void take(Now now, const RekeyRequest& request, EffectSink& effects);
  void take(Now now, const Rekeyed& rekeyed, EffectSink& effects);
  void take(Now now, const Controllers& controllers, EffectSink& effects);
  void next_key_made(const PublicKey& key, EffectSink& effects);
  void membership_kept(const Membership& membership, EffectSink& effects);
  // Any message of the controller shows that the link lives.
  void heard(Now now) { heard_at_ = now.instant; }
  // Counts what came in the wrong state.
  void unexpected() { ++counters_.unexpected; }
  // The link took no message though it is welcomed.
  void lost(Now now, EffectSink& effects);

  // Labels travel in the greeting: a welcomed link greets again, and is welcomed all the while.
  void relabel(Now now, Labels labels);

  // False: not sent, because there is no link or the controller does not know it.
  [[nodiscard]] bool goodbye(const Goodbye& goodbye, EffectSink& effects) const;
  // Of kCapabilitiesOfThisBuild, what the controller that welcomed this node has too.
  [[nodiscard]] bool has(std::uint64_t capability) const {
    return welcomed() && (capabilities_ & capability) != 0;
  }

  // The key of the controller that the link leads to.
  [[nodiscard]] const PublicKey& controller() const { return target_.controller; }
  [[nodiscard]] bool welcomed() const { return state_ == State::kWelcomed; }
  [[nodiscard]] const std::optional<Membership>& membership() const { return options_.membership; }
  [[nodiscard]] const UplinkCounters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t { kClosed, kGreeting, kWelcomed };

  void open(Now now, EffectSink& effects);
  void greet(Now now, const UplinkStatus& status, EffectSink& effects);
  void tick_welcomed(Now now, const UplinkStatus& status, EffectSink& effects);
  void beat(Now now, const UplinkStatus& status, EffectSink& effects);
  void close(Now now, Duration wait, EffectSink& effects);
  void adopt(Membership membership, EffectSink& effects);
  void prefer_served_key(std::vector<PublicKey>& keys) const;
  void acknowledge_controllers(EffectSink& effects);
  [[nodiscard]] bool has_other_keys() const;
  [[nodiscard]] Duration handshake() const;
  [[nodiscard]] Duration patience() const;
  [[nodiscard]] LinkTarget next_target();
  // Where to go, in order; those of the membership come first, and are `*primary` in number.
  [[nodiscard]] std::vector<LinkTarget> ways(std::size_t* primary) const;
  void add_ways(const std::vector<std::string>& endpoints,
                const std::vector<PublicKey>& controllers, const std::vector<Identity>& identities,
                std::vector<LinkTarget>& ways) const;
  [[nodiscard]] std::vector<Identity> own_identities() const;
  [[nodiscard]] Duration jittered(Duration duration);
  [[nodiscard]] Duration silence_max() const { return 2 * heartbeat_interval_; }

  UplinkOptions options_;
  Rng& rng_;
  State state_ = State::kClosed;
  LinkTarget target_;
  std::uint64_t attempts_ = 0;       // selects the way; begins anew with a welcome
  bool is_members_way_ = false;      // target_ is one of the membership's
  Duration handshake_ = kHandshake;  // of the open link
  bool prefers_next_key_ = false;
  std::optional<Membership> kept_;          // what is durable
  std::uint64_t controllers_revision_ = 0;  // of the last Controllers; 0: acknowledged
  unsigned failures_ = 0;                   // in a row; lengthens the wait
  std::optional<Instant> open_at_;
  Instant greeting_since_{};     // waiting for the greeting to be taken, then for its answer
  bool greeting_taken_ = false;  // the last one that was wanted
  bool greets_again_ = false;    // though it is welcomed; another Welcome is due
  Instant heard_at_{};
  Instant beat_at_{};
  Duration heartbeat_interval_ = kHeartbeatDefault;
  std::uint64_t beat_sequence_ = 0;
  std::uint64_t capabilities_ = 0;  // of both sides, from the last welcome
  UplinkCounters counters_;
};

}  // namespace faultline::probe_core
