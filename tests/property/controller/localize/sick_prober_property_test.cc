#include "controller/localize/localizer.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/localize/small_fabric.h"

namespace faultline::localize {
namespace {

enum class Says { kTruth, kTooLittle, kNothing };

// One to three hosts whose probers are starved: they lose what they send and receive, in some flows
// more than in others, as a process does that misses its turns.
ObservationSet starved(std::uint64_t seed, Says says, std::vector<std::string>& sick) {
  Rng rng(seed);
  SmallFabric fabric{.background = 1e-5};
  const std::uint64_t count = 1 + uniform_below(rng, 3);
  while (sick.size() < count) {
    const std::string host = "h" + std::to_string(uniform_below(rng, 16) + 1);
    if (std::ranges::find(sick, host) == sick.end()) sick.push_back(host);
  }
  auto rows = fabric.rows(seed);
  for (SmallFabric::Row& row : rows) {
    for (const std::string& host : sick) {
      if (row.hops.front() != host && row.hops.back() != host) continue;
      const double loss = 0.3 * uniform(rng) * uniform(rng);
      for (std::uint64_t i = row.observation.lost; i < row.observation.sent; ++i) {
        if (uniform(rng) < loss) ++row.observation.lost;
      }
    }
  }
  ObservationSet set = SmallFabric::build(rows);
  if (says == Says::kNothing) return set;
  for (const std::string& host : sick) {
    const double said = says == Says::kTruth ? 0.9 : 0.1 + 0.3 * uniform(rng);
    set.add_health({set.device(host), 1'790'000'010, said, "starved"});
  }
  return set;
}

TEST_CASE("a starved machine is blamed itself, and never a link", "[localize][property]") {
  for (const Says says : {Says::kTruth, Says::kTooLittle, Says::kNothing}) {
    int links_blamed = 0;
    int missed = 0;
    int not_called_sick = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      std::vector<std::string> sick;
      const Verdict verdict = localize(starved(seed, says, sick), {});
      std::size_t named = 0;
      bool link_blamed = false;
      for (const Suspect& suspect : verdict.suspects) {
        const bool host = suspect.kind == SuspectKind::kHost;
        if (!host) {
          link_blamed = true;
          UNSCOPED_INFO("seed " << seed << ": " << suspect.id);
        }
        named += host && std::ranges::find(sick, suspect.id) != sick.end() ? 1 : 0;
        not_called_sick += suspect.fault_class != FaultClass::kSickHost ? 1 : 0;
      }
      links_blamed += link_blamed ? 1 : 0;
      missed += named == sick.size() ? 0 : 1;
    }
    CAPTURE(static_cast<int>(says));
    // Without a word from the probers, three sick hosts of one leaf look like the leaf, and one
    // that loses unevenly like two links: 2 of 200.
    CHECK(links_blamed <= (says == Says::kNothing ? 2 : 0));
    CHECK(missed <= 4);
    if (says == Says::kTruth) CHECK(not_called_sick == 0);
  }
}

}  // namespace
}  // namespace faultline::localize
