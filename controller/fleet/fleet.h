// Fleet: who belongs to the fleet, who may join it, and who is alive.
//
// Why it exists: enrolment, revocation and liveness are decisions worth testing without sockets or
// a disk. Every decision is applied to memory at once and returns the Change that the caller must
// make durable in ONE ledger write *before* it answers the peer; a repeated Join returns the same
// Change again, so the answer may always wait for the write.
//
// Identity is the CURVE key of the connection, never anything that a message says.
//
// Thread safety: none; one owner. No I/O and no clock: time is the Moment passed in. Its instant
// never moves backwards; of a wall clock that is set it is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/model/control.h"
#include "common/model/ids.h"
#include "common/model/node.h"
#include "controller/fleet/absences.h"
#include "controller/fleet/clock_offset.h"
#include "controller/fleet/records.h"

namespace faultline::fleet {

// Beyond these the request is refused (RefusalReason::kOverloaded, ErrorCode::kLimit), and counted.
inline constexpr std::size_t kNodesMax = 4096;   // that are not removed
inline constexpr std::size_t kTokensMax = 4096;  // spent or not, until they are forgotten
// Beyond this the tombstone with the lowest id is erased.
inline constexpr std::size_t kTombstonesMax = 1024;
// A node that was not heard for this many heartbeat intervals is silent.
inline constexpr int kSilentAfterIntervals = 3;
// An expired token still gets a refusal that says so, rather than a connection that never opens.
inline constexpr Duration kTokenKeptAfterExpiry = std::chrono::hours{24};
inline constexpr Duration kTokenLifetimeMax = std::chrono::hours{24 * 90};
inline constexpr std::size_t kSoftwareLengthMax = 64;  // longer texts of a Hello are cut

// All clocks, read once by the caller at the head of a step.
struct Moment {
  Instant instant{};
  WallTime wall{};
  // How long this machine was suspended since its boot: `instant` stands still meanwhile, and
  // `wall` does not.
  Duration slept{};

  bool operator==(const Moment&) const = default;
};

// What to make durable in one write. Empty fields mean nothing to do.
struct Change {
  std::vector<NodeRecord> nodes{};  // to put, by id
  std::vector<TokenRecord> tokens{};
  std::vector<NodeId> nodes_erased{};
  std::vector<PublicKey> tokens_erased{};

  [[nodiscard]] bool empty() const {
    return nodes.empty() && tokens.empty() && nodes_erased.empty() && tokens_erased.empty();
  }
  bool operator==(const Change&) const = default;
};

enum class NodeState : std::uint8_t {
  kJoined,  // not heard since it joined or since this controller started
  kLive,
  kRestarting,  // said goodbye, and may still be excused; only its next Hello ends it
  kSilent,
  kRemoved,
};
[[nodiscard]] std::string_view to_string(NodeState state);

struct Node {
  NodeRecord record{};
  NodeState state = NodeState::kJoined;
  Moment heard{};  // the last message of any kind; while kJoined, when the waiting began
  // From the last Hello.
  bool introduced = false;  // it said one to this controller; what is below may be of before
  BootId boot{};
  std::uint64_t capabilities = 0;  // of both sides
  std::string software{};
  // From the greeting and heartbeats.
  std::optional<Duration> clock_offset{};  // node's clock minus ours; positive: it is ahead
  bool clock_settled = false;              // that was told often enough to act on
  // From heartbeats.
  std::uint64_t spool_batches = 0;
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_dropped = 0;
  // From PlanAck, Hello and heartbeats: what the node measures by.
  PlanRevision plan{};
  std::string plan_refusal{};  // why it refused the last plan; empty when it did not

  bool operator==(const Node&) const = default;
};

enum class Role : std::uint8_t {
  kNode,   // anything but Join
  kToken,  // Join only
};

struct Trust {
  Role role = Role::kToken;
  NodeId node{};          // of kNode
  bool next_key = false;  // of kNode: the key that it changes to

  bool operator==(const Trust&) const = default;
};
using TrustTable = std::map<PublicKey, Trust>;

struct JoinAccepted {
  NodeId node{};
  std::string name{};
  Change change{};  // pins the node and spends the token; put it again when it is a repetition
  bool repeated = false;  // the same answer as before
  bool returned = false;  // the node was trusted already
};

struct HelloAccepted {
  NodeId node{};
  std::string name{};
  std::uint64_t capabilities = 0;  // what both sides have
  bool restarted = false;          // another boot id than before: a new probe process
  bool profile_changed = false;    // or whether it authenticates: plans must be made again
  bool returned = false;           // it was away, and is excused for it
  Change change{};                 // what of the record changed
};

// Since the previous tick, ascending by id; to be read in this order.
struct LivenessChange {
  std::vector<NodeId> went_live{};  // heard for the first time, or again
  std::vector<NodeId> went_silent{};
  Change change{};  // tokens to forget

  bool operator==(const LivenessChange&) const = default;
};

// Monotonic since construction. `*_refused` above zero means that somebody knocks with a key or a
// message that he should not have; `limit_refused` that a bound above was reached.
struct FleetCounters {
  std::uint64_t joins_accepted = 0;
  std::uint64_t joins_repeated = 0;
  std::uint64_t joins_refused = 0;
  std::uint64_t hellos_refused = 0;
  std::uint64_t limit_refused = 0;
  std::uint64_t tombstones_erased = 0;
  std::uint64_t absences = 0;          // restarts that are no fault
  std::uint64_t absences_refused = 0;  // kAbsencesPerHourMax: a probe that restarts in a loop
  std::uint64_t goodbyes_ignored = 0;  // of a process that is not the newest
  std::uint64_t rekeys_done = 0;
  std::uint64_t rekeys_refused = 0;

  bool operator==(const FleetCounters&) const = default;
};

class Fleet {
 public:
  // `heartbeat_interval` is what Welcome tells the probes; `excused_max` for how long an absence is
  // excused. Both positive.
  explicit Fleet(Duration heartbeat_interval, Duration excused_max = kExcusedMaxDefault);

  // Takes over what the ledger holds, at start and before anything else. kCorrupt when ids, keys or
  // names of live nodes repeat. Every node waits to be heard, from `now` on.
  Status restore(std::vector<NodeRecord> nodes, std::vector<TokenRecord> tokens, Moment now);

  struct TokenRequest {
    PublicKey key{};     // public half of a fresh CURVE key pair
    std::string name{};  // optional
    Labels labels{};
    Duration lifetime = std::chrono::hours{24};  // positive, at most kTokenLifetimeMax
  };
  // kInvalid, kConflict (key known, name of a live node or of an open token), kLimit.
  Result<Change> create_token(TokenRequest request, Moment now);
  // kNotFound when there is none. A spent token's node stays.
  Result<Change> remove_token(const PublicKey& key);

  // `token` is the key that the connection proved. With the node key that it was spent by, it gets
  // the same answer again. A node that is trusted already spends it, too, and stays who it is.
  tl::expected<JoinAccepted, Refusal> join(const PublicKey& token, const Join& join, Moment now);
  struct PrePlacedNode {
    std::string name{};
    PublicKey key{};
    Labels labels{};  // pinned
  };
  // Trusts a key that an operator names; its node says hello without a token. Repeating it with the
  // same name, key and labels changes nothing. kInvalid, kConflict, kLimit.
  Result<Change> add_node(PrePlacedNode node, Moment now);
  // Revokes: the keys are out of the trust table at once, the record becomes a tombstone.
  // kNotFound.
  Result<Change> remove_node(NodeId id, Moment now);

  // `judged_until`: a restart that was not announced excuses nothing before it.
  tl::expected<HelloAccepted, Refusal> hello(const PublicKey& key, const Hello& hello, Moment now,
                                             WallTime judged_until = WallTime::min());
  // The node stops, to come back. Empty: ignored, because another process of it said hello since.
  std::optional<Change> goodbye(NodeId id, const Goodbye& goodbye, Moment now);
  // Asks for a new key of the node, when it next is there: rekey_due(). kNotFound, or kUnsupported
  // when its software is known not to be able to.
  Result<Change> ask_rekey(NodeId id, Moment now);
  // False when it is known not to. A node that has not said hello since this controller started
  // (it need not have noticed) is taken to be able: if it is not, it ignores what it does not know.
  [[nodiscard]] bool may_change_keys(const Node& node) const;
  // Whether the node is to be sent a RekeyRequest.
  [[nodiscard]] bool rekey_due(NodeId id) const;
  // The node's answer, on a connection under its present key: both keys are trusted from now on.
  // Repeating it gives the same Change again.
  tl::expected<Change, Refusal> rekey(NodeId id, const PublicKey& next, Moment now);
  // To be called for every message of a node, with the key that it came under. Under the next key
  // it proves that the node has changed over: that one becomes its key, the old one is void.
  Change confirm_key(const PublicKey& key, Moment now);
  // The node keeps the controllers' keys of that revision.
  Change controllers_acknowledged(NodeId id, std::uint64_t revision);
  // Those of unspent tokens made before `time`, which carry controllers' keys that are void.
  Change void_tokens_before(WallTime time);
  // For a known node that is not removed; others are ignored, so that a message that raced with a
  // revocation has no effect.
  void heartbeat(NodeId id, const Heartbeat& heartbeat, Moment now);
  void plan_acknowledged(NodeId id, const PlanAck& ack, Moment now);
  // The wall clock of the moments was set ahead by so much (below 0: back).
  void our_clock_was_set(Duration by);
  // It was set back and says `now`: nothing that was noted is of later.
  void set_back(WallTime now);
  // Any other message of the node: it is alive.
  void heard(NodeId id, Moment now);

  // Call about once a second.
  LivenessChange tick(Moment now);

  // Whom ZAP admits and what he may send. Tokens stay until kTokenKeptAfterExpiry so that join()
  // can say why it refuses. `trust_version` grows with every change of the table.
  [[nodiscard]] const TrustTable& trust() const { return trust_; }
  [[nodiscard]] std::uint64_t trust_version() const { return trust_version_; }
  [[nodiscard]] std::optional<Trust> trust_of(const PublicKey& key) const;

  // All nodes with tombstones, by id. Pointers stay valid until the next non-const call.
  [[nodiscard]] const std::map<NodeId, Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::map<PublicKey, TokenRecord>& tokens() const { return tokens_; }
  [[nodiscard]] const Node* find(NodeId id) const;
  // Of a node that is not removed.
  [[nodiscard]] const Node* find(std::string_view name) const;
  // Nodes whose observations in the window [start, start + length) are left out of judgement.
  [[nodiscard]] std::set<NodeId> excused(WallTime start, Duration length) const;
  [[nodiscard]] bool is_excused(const Node& node, WallTime start, Duration length) const {
    return fleet::is_excused(node.record.absences, start, length, excused_max_);
  }
  [[nodiscard]] std::size_t node_count() const { return nodes_.size() - tombstones_; }
  [[nodiscard]] const FleetCounters& counters() const { return counters_; }

 private:
  tl::unexpected<Refusal> refuse_join(RefusalReason reason, std::string text);
  tl::unexpected<Refusal> refuse_hello(RefusalReason reason, std::string text);
  [[nodiscard]] Status check_pre_placed(const PrePlacedNode& node) const;
  [[nodiscard]] NodeId next_id() const;
  [[nodiscard]] std::optional<Refusal> token_problem(const TokenRecord& token, Moment now) const;
  [[nodiscard]] std::optional<Refusal> join_problem(const Join& join,
                                                    const std::string& name) const;
  [[nodiscard]] Status check_token(const TokenRequest& request, Moment now) const;
  JoinAccepted repeat_join(const TokenRecord& token, NodeId id);
  tl::expected<JoinAccepted, Refusal> return_join(TokenRecord& token, const PublicKey& key,
                                                  NodeId id);
  Node& pin(NodeRecord record, Moment now);
  Node* present_node(NodeId id);  // null when removed
  void mark_heard(Node& node, Moment now);
  bool note_boot(Node& node, const HelloAccepted& accepted, Moment now, WallTime judged_until);
  bool begin_absence(Node& node, const Absence& absence);
  [[nodiscard]] bool is_overdue(const Node& node, Moment now) const;
  void erase_oldest_tombstone(Change& change);
  void note_clock(Node& node, WallTime sent_at, Moment now);

  Duration heartbeat_interval_;
  Duration excused_max_;
  std::map<NodeId, Node> nodes_;
  std::map<PublicKey, TokenRecord> tokens_;
  std::map<std::string, NodeId, std::less<>> by_name_;  // nodes that are not removed
  std::map<NodeId, ClockOffset> offsets_;
  std::vector<NodeId> went_live_;
  TrustTable trust_;
  std::uint64_t trust_version_ = 0;
  std::size_t tombstones_ = 0;
  FleetCounters counters_;
};

}  // namespace faultline::fleet
