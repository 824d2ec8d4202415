#include "controller/localize/verdict_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/localize/verdict_words.h"

namespace faultline::localize {
namespace {

constexpr std::size_t kMembersShown = 3;

std::string what_else(const Suspect& suspect) {
  if (const std::string delay = delay_text(suspect); !delay.empty()) return delay;
  if (suspect.mtu) return "mtu " + mtu_text(suspect);
  // The flows after the colon are for the explanation.
  const std::string slice = suspect.slice.value_or("-");
  return suspect.slice ? slice.substr(0, slice.find(" that cross)")) + " that cross)" : slice;
}

std::string loss_cell(const Suspect& suspect) {
  if (suspect.fault_class == FaultClass::kDelay && suspect.loss == 0) return "-";
  return fmt::format("{} ({}..{})", percent_text(suspect.loss), percent_text(suspect.loss_low),
                     percent_text(suspect.loss_high));
}

// Who is busy without being at fault, in one line.
std::string congested_text(const Verdict& verdict) {
  if (verdict.congested.empty()) return "";
  std::vector<std::string> ids;
  for (const Suspect& busy : verdict.congested) {
    ids.push_back(fmt::format("{} ({})", busy.id, delay_text(busy)));
  }
  return fmt::format("Congested, not accused: {}\n", list_text(ids, kMembersShown));
}

std::vector<std::string> row(const Suspect& suspect) {
  std::string id = suspect.id;
  if (!suspect.ambiguous_with.empty()) {
    id += fmt::format(" (or {})", list_text(suspect.ambiguous_with, kMembersShown));
  }
  return {std::string(to_string(suspect.kind)),
          std::string(to_string(suspect.fault_class)),
          certainty_text(suspect.posterior),
          loss_cell(suspect),
          fmt::format("{}/{}", suspect.evidence.bad_flows_crossing, suspect.evidence.bad_flows),
          since_text(suspect),
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

// Silence is called by its name: no fault, no data, or losses that nothing fits.
std::string without_suspects(const Verdict& verdict) {
  const std::uint64_t unexplained = verdict.unexplained_bad_flows;
  if (!verdict.enough_data) return "Not enough data to judge: " + summary_text(verdict) + "\n";
  std::string text =
      unexplained > kUnexplainedFlowsFew ? "Inconclusive, nothing accused: " : "Nothing accused: ";
  text += summary_text(verdict) + "\n";
  if (unexplained > 0) {
    text += fmt::format("{} bad flows remain unexplained: no component fits\n", unexplained);
  }
  return text + congested_text(verdict);
}

}  // namespace

std::string verdict_table(const Verdict& verdict) {
  if (verdict.suspects.empty()) return without_suspects(verdict);
  std::vector<std::vector<std::string>> rows{
      {"KIND", "CLASS", "SURE", "LOSS", "BAD FLOWS", "SINCE", "SUSPECT", "DETAIL"}};
  for (const Suspect& suspect : verdict.suspects) rows.push_back(row(suspect));
  std::string text = layout(rows) + summary_text(verdict);
  if (verdict.suspects_omitted > 0) {
    text += fmt::format("; {} more suspects not shown", verdict.suspects_omitted);
  }
  if (verdict.unexplained_bad_flows > 0) {
    text += fmt::format("; {} bad flows remain unexplained", verdict.unexplained_bad_flows);
  }
  return text + "\n" + congested_text(verdict);
}

}  // namespace faultline::localize
