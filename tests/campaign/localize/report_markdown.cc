#include <fmt/format.h>

#include "tests/campaign/localize/report.h"

namespace faultline::campaign {
namespace {

std::string f1_of(const MethodSummary& it) { return it.ran ? fmt::format("{:.3f}", it.f1) : "–"; }

std::string settings_line(const Report& report) {
  const Settings& it = report.contest.settings;
  return fmt::format(
      "007 blames from {:.4f} of the votes; NetBouncer has λ {}, bad from {}, devices from {} of "
      "lossy flows; Flock has bad {}, good {}, prior {}, beam {}.",
      it.votes.share_min, it.net_bouncer.regularization, it.net_bouncer.loss_min,
      it.net_bouncer.device_share, it.flock.bad_loss, it.flock.good_loss, it.flock.log_prior,
      it.flock.beam);
}

}  // namespace

std::string to_markdown(const Report& report) {
  const std::uint64_t first = report.contest.first_seed;
  std::string text = fmt::format(
      "# The localizer beside the published ones\n\n{} cases, seeds {} to {}, one setting "
      "throughout. Times "
      "are processor time of one solve, memory is the heap at its peak beside the observations.\n",
      report.cases, first, report.last_seed);
  text += settings_line(report) +
          "\n\n## Targets\n\n| what | wanted | measured | |\n|---|---|---|---|\n";
  for (const Target& it : report.targets) {
    text += fmt::format("| {} | {} | {} | {} |\n", it.what, it.wanted, it.measured,
                        it.met ? "met" : "MISSED");
  }
  text +=
      "\n## F1\n\n| | scenario | core P | core R | core F1 | ± | 007 | NetBouncer | Flock | oracle "
      "|\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const ScenarioSummary& row : report.rows) {
    const MethodSummary& core = row.by_method[0];
    text += fmt::format("| {} | {} | {:.3f} | {:.3f} | **{:.3f}** | {:.3f} |", row.scenario.name,
                        row.scenario.what, core.precision, core.recall, core.f1, core.f1_error);
    for (std::size_t i = 1; i < kMethods; ++i)
      text += fmt::format(" {} |", f1_of(row.by_method[i]));
    text += "\n";
  }
  text += "| | mean of the eleven | | | ";
  for (std::size_t i = 0; i < kMethods; ++i) {
    const double mean = report.mean_f1[i];
    text += mean < 0
                ? "– |"
                : fmt::format("{}{:.3f}{} |", i == 0 ? "**" : " ", mean, i == 0 ? "** | " : "");
  }
  text +=
      "\n\n## Time and memory\n\n| | core ms | MB | 007 | NetBouncer | Flock | Flock MB |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const ScenarioSummary& row : report.rows) {
    text += fmt::format("| {} | {:.1f} | {:.1f} |", row.scenario.name, row.by_method[0].cpu_ms,
                        row.by_method[0].heap_mb);
    for (std::size_t i = 1; i < 4; ++i) {
      const MethodSummary& it = row.by_method[i];
      text += it.ran ? fmt::format(" {:.1f} |", it.cpu_ms) : " – |";
    }
    text += row.by_method[3].ran ? fmt::format(" {:.1f} |\n", row.by_method[3].heap_mb) : " – |\n";
  }
  text += fmt::format(
      "\n## Calibration\n\nExpected error {:.1f} points over {} suspects.\n\n| said | suspects | "
      "mean "
      "posterior | right |\n|---|---|---|---|\n",
      100 * report.reliability.error, report.reliability.said);
  for (std::size_t i = 0; i < report.reliability.bins.size(); ++i) {
    const Reliability::Bin& bin = report.reliability.bins[i];
    if (bin.said == 0) continue;
    text +=
        fmt::format("| {:.1f} to {:.1f} | {} | {:.3f} | {:.3f} |\n", 0.1 * static_cast<double>(i),
                    0.1 * static_cast<double>(i + 1), bin.said, bin.posterior, bin.right);
  }
  if (report.false_alarms) {
    const FalseAlarms& it = *report.false_alarms;
    text += fmt::format(
        "\n## False alarms\n\n{} windows without a fault, {} packets, {} lost: suspects in {}, "
        "certain enough for an incident in {}; {:.2f} ms a solve. {}\n",
        it.windows, it.packets, it.lost, it.with_suspects, it.confident, it.cpu_ms, it.first);
  }
  return text;
}

}  // namespace faultline::campaign
