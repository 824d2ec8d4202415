// Which end sends: of the conversations that two captures hold, the one in which the near end asks
// and the far end answers.
//
// Why it exists: two probes ask each other at the same time, from and to the same port, so that
// each capture holds requests of both. Taking the far end's requests for the near end's would
// accuse a healthy way. Decided from what cannot be the other way around, and else not at all.
//
// Pure; thread safety: none needed.
#pragma once

#include <optional>
#include <string_view>

#include "common/model/address.h"
#include "controller/capture/sightings.h"

namespace faultline::capture {

// The addresses of whom a file tells and with whom he talks, as he knows them.
struct NamedEnds {
  IpAddress own{};
  IpAddress peer{};

  bool operator==(const NamedEnds&) const = default;
};

// What probe/capture notes in a file: "faultline: 10.0.1.1 with 10.0.2.1". Empty: somebody else's.
[[nodiscard]] std::optional<NamedEnds> named_ends(std::string_view comment);

struct Asking {
  std::optional<IpAddress> to{};  // where the end sends to; empty: it sends nothing, or unclear
  bool unclear = false;           // requests are there, and whose they are cannot be told
};

// Of the requests in `mine`, those that this end sends to the other one.
[[nodiscard]] Asking asking(const Sightings& mine, const Sightings& others,
                            const std::optional<NamedEnds>& named);

}  // namespace faultline::capture
