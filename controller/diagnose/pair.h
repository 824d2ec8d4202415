// Pair: the inputs of a diagnosis with what every layer asks of them: whose facts are whose, what
// is measured to go wrong, and what the rules found about either end.
//
// Thread safety: pure. Lifetimes: a Pair and a Side borrow from the Inputs.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/diagnose/diagnosis.h"
#include "controller/diagnose/placement.h"

namespace faultline::diagnose {

// Packets of the newest windows below which nothing is concluded from their loss.
inline constexpr std::uint64_t kEnoughPackets = 5;
inline constexpr std::uint64_t kEnoughPacketsOfFlow = 3;
// Losses of a minute that chance and a busy machine do not bring.
inline constexpr std::uint64_t kLostMin = 4;
inline constexpr std::uint64_t kLostNowMin = 2;  // of these in the newest windows, where so few
inline constexpr double kLossMin = 0.002;
// Longer than usual by both: a busy prober doubles small round trips.
inline constexpr double kSlowTimes = 3;
inline constexpr double kSlowMinUs = 1500;
// So many packets have to be expected lost, by the last minute's share, before none lost now says
// that it is over.
inline constexpr double kExpectedLostMin = 3;
// Flows of this size and more are large: what Ethernet just carries.
inline constexpr std::uint16_t kLargeSize = 1000;
// Facts older than this, against the moment asked about, are told as old.
inline constexpr Duration kFactsOld = std::chrono::minutes{2};
inline constexpr double kSick = 0.5;  // End::sick
// So late, no busy machine sends packets that lets the thread run.
inline constexpr double kLateMs = 300;

// One direction of the question: from `self` towards `other`.
struct Side {
  const End& self;
  const End& other;
  const NodeFacts* facts = nullptr;        // of self
  const NodeFacts* other_facts = nullptr;  // of other
  const Session* session = nullptr;        // what self measures of other
  bool is_a = true;

  [[nodiscard]] bool has_facts() const { return facts != nullptr; }
};

struct Pair {
  explicit Pair(const Inputs& inputs);
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  [[nodiscard]] Side side_a() const;
  [[nodiscard]] Side side_b() const;
  [[nodiscard]] bool has(Symptom symptom) const { return (symptoms & symptom) != 0; }
  [[nodiscard]] bool measured() const;
  // Nobody was asked but the two machines' own snapshots.
  [[nodiscard]] bool is_offline() const {
    return in.a.probe == ProbeState::kUnknown || in.b.probe == ProbeState::kUnknown;
  }
  // A dead session with facts of no use: the end was not heard since before they were taken.
  [[nodiscard]] bool works() const { return measured() && !has(kDead) && !has(kSubset); }

  const Inputs& in;
  const NodeFacts* a = nullptr;
  const NodeFacts* b = nullptr;
  std::vector<Placement> placements;
  std::vector<Finding> findings;  // of check() over all facts, about either end
  Symptoms symptoms = 0;
};

// What an end sends by towards the other, and how much that takes at once.
struct SendSize {
  std::string interface {};
  std::uint32_t mtu = 0;
};
// Empty: not known.
[[nodiscard]] std::optional<SendSize> send_size(const Side& side);

// A ping to the end that was answered just now; null: none was.
[[nodiscard]] const Tried* answered_ping(const Inputs& inputs, const Side& target);
// What was tried at the port asked for; null: nothing.
[[nodiscard]] const Tried* tried_port(const Pair& pair);
// Whether its outcome says something of the network: not the silence that an end hears that has no
// processor time to listen, and of large packets nothing where small ones get no answer, either.
[[nodiscard]] bool is_telling(const Inputs& inputs, const Tried& tried);

// Of an end that is a virtual machine; null: it is none, or nobody knows.
[[nodiscard]] const Placement* placement_of(const Pair& pair, const End& end);
// The end itself, or who holds the address that is asked about.
[[nodiscard]] std::set<std::string> names_of(const Inputs& inputs, const End& end);

[[nodiscard]] bool is_enough(const Session& session);
[[nodiscard]] bool is_dead(const Session& session);
[[nodiscard]] bool is_partly_dead(const Session& session);  // some of its flows
[[nodiscard]] bool is_lossy(const Session& session);
[[nodiscard]] bool is_slow(const Session& session);
// "h1 to h2: 160 sent, 160 lost (0 on the way there, 0 on the way back, 160 without an answer)"
[[nodiscard]] std::string evidence_of(const Side& side);

}  // namespace faultline::diagnose
