#include "controller/app/test_metrics.h"

#include <cstdint>
#include <string_view>
#include <utility>

namespace faultline::app {
namespace {

void expose_number(const char* name, const char* help, std::uint64_t value,
                   obs::MetricRegistry& registry) {
  const auto read = [value] { return static_cast<double>(value); };
  if (std::string_view(name).ends_with("_total")) {
    registry.expose_counter({name, help}, read);
  } else {
    registry.expose_gauge({name, help}, read);
  }
}

// Tests of operators and diagnoses: all that were ordered end as one of the others.
void expose_ordered_tests(const core::TestOrderCounters& orders, obs::MetricRegistry& registry) {
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_number(name, help, value, registry);
  };
  expose("faultline_tests_ordered_total", "Tests ordered of probes.", orders.ordered);
  expose("faultline_tests_done_total", "Of these, those that were answered.", orders.done);
  expose("faultline_tests_refused_total", "Of these, those that the probe refused.",
         orders.refused);
  expose("faultline_tests_unanswered_total",
         "Of these, those given up without an answer; growing: probes hang or are cut off.",
         orders.given_up);
  expose("faultline_tests_ended_total",
         "Of these, those ended by who ordered them, or because he was gone.", orders.ended);
  expose("faultline_tests_turned_away_total",
         "Tests not ordered: too many at once, or a node that cannot; growing: somebody's script.",
         orders.turned_away);
}

void expose_standing_tests(const Snapshot& s, obs::MetricRegistry& registry) {
  const auto& counters = s.standing_tests;
  for (const auto& [outcome, value] : {std::pair("ok", counters.ok),
                                       {"fault", counters.fault},
                                       {"inconclusive", counters.inconclusive},
                                       {"not-run", counters.not_run}}) {
    registry.expose_counter({"faultline_standing_test_results_total",
                             "Results of standing tests by outcome; fault growing: see `faultline "
                             "test list`; not-run growing: probes refuse or do not answer.",
                             {{"outcome", outcome}}},
                            [value = value] { return static_cast<double>(value); });
  }
  std::size_t pairs = 0;
  std::size_t failing = 0;
  std::size_t left_out = 0;
  for (const auto& test : *s.standing) {
    pairs += test.pairs.size();
    failing += test.failing;
    left_out += test.left_out;
  }
  const auto expose = [&](const char* name, const char* help, std::uint64_t value) {
    expose_number(name, help, value, registry);
  };
  expose("faultline_standing_test_pairs", "Pairs that standing tests test.", pairs);
  expose("faultline_standing_test_pairs_failing",
         "Of these, those that failed twice in a row and were not well twice since.", failing);
  expose("faultline_standing_test_pairs_left_out",
         "Pairs beyond what one standing test may have, which are not tested.", left_out);
  expose("faultline_standing_test_turns_skipped_total",
         "Turns of standing tests that were skipped, because an end was away or has no address "
         "that fits.",
         counters.skipped);
  expose("faultline_standing_test_turns_missed_total",
         "Turns of standing tests that came too late to be kept; growing: more is configured than "
         "the limits let be tested.",
         counters.missed);
}

}  // namespace

void expose_tests(const Snapshot& snapshot, obs::MetricRegistry& registry) {
  expose_ordered_tests(snapshot.test_orders, registry);
  expose_standing_tests(snapshot, registry);
}

}  // namespace faultline::app
