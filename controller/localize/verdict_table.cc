#include "controller/localize/verdict_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/time.h"

namespace faultline::localize {
namespace {

std::string percent(double share) {
  const double value = 100 * share;
  return value >= 10 ? fmt::format("{:.0f}%", value) : fmt::format("{:.2g}%", value);
}

// Never "100%": certainty is not for sale.
std::string certainty(double posterior) {
  return posterior >= 0.999 ? ">99.9%" : fmt::format("{:.1f}%", 100 * posterior);
}

std::string what_else(const Suspect& suspect) {
  if (suspect.mtu) return fmt::format("mtu {}", *suspect.mtu);
  return suspect.slice.value_or("-");
}

std::string since(const Suspect& suspect) {
  return suspect.since_s ? format_rfc3339(wall_time_from_unix_seconds(*suspect.since_s)) : "-";
}

std::vector<std::string> row(const Suspect& suspect) {
  std::string id = suspect.id;
  if (!suspect.ambiguous_with.empty()) {
    id += fmt::format(" (or {})", fmt::join(suspect.ambiguous_with, ", "));
  }
  return {std::string(to_string(suspect.kind)),
          std::string(to_string(suspect.fault_class)),
          certainty(suspect.posterior),
          fmt::format("{} ({}..{})", percent(suspect.loss), percent(suspect.loss_low),
                      percent(suspect.loss_high)),
          fmt::format("{}/{}", suspect.evidence.bad_flows_crossing, suspect.evidence.bad_flows),
          since(suspect),
          id,
          what_else(suspect)};
}

std::string layout(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& cells : rows) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const auto& cells : rows) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += i + 1 < cells.size() ? fmt::format("{:<{}}  ", cells[i], widths[i]) : cells[i];
    }
    text += line + "\n";
  }
  return text;
}

std::string summary(const Verdict& verdict) {
  return fmt::format("{} observations over {} links, {} of {} packets lost", verdict.observations,
                     verdict.components, verdict.lost, verdict.packets);
}

// Silence is called by its name: no fault, no data, or losses that nothing fits.
std::string without_suspects(const Verdict& verdict) {
  const std::uint64_t unexplained = verdict.unexplained_bad_flows;
  if (!verdict.enough_data) return "Not enough data to judge: " + summary(verdict) + "\n";
  std::string text =
      unexplained > kUnexplainedFlowsFew ? "Inconclusive, nothing accused: " : "Nothing accused: ";
  text += summary(verdict) + "\n";
  if (unexplained > 0) {
    text += fmt::format("{} bad flows remain unexplained: no component fits\n", unexplained);
  }
  return text;
}

std::string explain(const Suspect& suspect) {
  const Evidence& evidence = suspect.evidence;
  std::string text = fmt::format("{} {}: {}, {} sure\n", to_string(suspect.kind), suspect.id,
                                 to_string(suspect.fault_class), certainty(suspect.posterior));
  text += fmt::format("  for:     {} of {} bad flows cross it, {} of {} good ones do\n",
                      evidence.bad_flows_crossing, evidence.bad_flows, evidence.good_flows_crossing,
                      evidence.good_flows);
  text +=
      fmt::format("           {} of {} packets on these flows were lost; it loses {} ({} to {})\n",
                  evidence.lost_crossing, evidence.packets_crossing, percent(suspect.loss),
                  percent(suspect.loss_low), percent(suspect.loss_high));
  if (suspect.slice) text += fmt::format("  slice:   {}\n", *suspect.slice);
  if (suspect.since_s) text += fmt::format("  since:   {}\n", since(suspect));
  for (const std::string& sentence : suspect.counter_evidence) {
    text += fmt::format("  against: {}\n", sentence);
  }
  for (const Alternative& it : suspect.alternatives) {
    text += fmt::format("  instead: {} {} is {} times less likely\n", to_string(it.kind), it.id,
                        it.odds_against > 1e4 ? std::string("over 10,000")
                                              : fmt::format("{:.1f}", it.odds_against));
  }
  if (!suspect.ambiguous_with.empty()) {
    text += fmt::format("  cannot be told apart from {}", fmt::join(suspect.ambiguous_with, ", "));
    if (suspect.packets_to_split) {
      text += fmt::format(": {} packets across only one of them would", *suspect.packets_to_split);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string verdict_table(const Verdict& verdict) {
  if (verdict.suspects.empty()) return without_suspects(verdict);
  std::vector<std::vector<std::string>> rows{
      {"KIND", "CLASS", "SURE", "LOSS", "BAD FLOWS", "SINCE", "SUSPECT", "DETAIL"}};
  for (const Suspect& suspect : verdict.suspects) rows.push_back(row(suspect));
  std::string text = layout(rows) + summary(verdict);
  if (verdict.suspects_omitted > 0) {
    text += fmt::format("; {} more suspects not shown", verdict.suspects_omitted);
  }
  if (verdict.unexplained_bad_flows > 0) {
    text += fmt::format("; {} bad flows remain unexplained", verdict.unexplained_bad_flows);
  }
  return text + "\n";
}

std::string verdict_explanation(const Verdict& verdict) {
  std::string text = verdict_table(verdict);
  for (const Suspect& suspect : verdict.suspects) text += "\n" + explain(suspect);
  return text;
}

}  // namespace faultline::localize
