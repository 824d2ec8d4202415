// What the far end's reflector says of packets that get no answer: whether they arrive.
//
// Why it exists: of a session that is dead its sender knows nothing but that; "one way or both" is
// proven by who hears whom (facts::Heard), each end by its own clock. Thread safety: pure.
#pragma once

#include <optional>
#include <string>

#include "controller/diagnose/pair.h"

namespace faultline::diagnose {

// Silence of a sender that sends on says that its packets do not arrive.
inline constexpr Duration kHeardGrace = std::chrono::seconds{3};
// Whether what `side.self` sends to `side.other` arrives there. Empty: it sends nothing, or the far
// end has told nothing since the newest window, or the sender may have stopped: silence counts only
// for the time that the sender reports of, and nothing does of a sender that is not live.
[[nodiscard]] std::optional<bool> arrives(const Side& side);
// Nothing of it arrived in all the time that the session's newest windows are of.
[[nodiscard]] bool is_unheard_throughout(const Side& side);
// The far end refuses packets from this address just now.
[[nodiscard]] bool is_refused_now(const Side& side, const IpAddress& from);
// The address of an unknown sender that the far end refuses just now; empty: there is none.
[[nodiscard]] std::optional<IpAddress> stranger_at(const Pair& pair, const Side& side);
// "h2's reflector last heard 10.1.1.2 at ..., 31 packets so far"
[[nodiscard]] std::string heard_text(const Side& side);

}  // namespace faultline::diagnose
