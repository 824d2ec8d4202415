#include <fmt/format.h>

#include <algorithm>

#include "controller/localize/verdict_table.h"
#include "controller/localize/verdict_words.h"

namespace faultline::localize {
namespace {

constexpr std::size_t kWidth = 96;
constexpr std::size_t kLabelWidth = 13;
constexpr std::size_t kMembersShown = 12;

// "  label      text that goes on below itself"; an empty label continues the one before.
std::string paragraph(std::string_view label, std::string_view text) {
  std::string result;
  std::string line = fmt::format("  {:<{}}", label, kLabelWidth - 2);
  std::size_t words = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find(' ', i), text.size());
    const std::string_view word = text.substr(i, end - i);
    if (words > 0 && line.size() + 1 + word.size() > kWidth) {
      result += line + "\n";
      line = std::string(kLabelWidth, ' ');
      words = 0;
    }
    if (words++ > 0) line += ' ';
    line += word;
    i = end + 1;
  }
  return result + line + "\n";
}

std::string harm(const Suspect& suspect) {
  const auto interval =
      fmt::format("{} (95 % between {} and {})", percent_text(suspect.loss),
                  percent_text(suspect.loss_low), percent_text(suspect.loss_high));
  switch (suspect.fault_class) {
    case FaultClass::kDown:
      return "is down: everything that crosses it is lost";
    case FaultClass::kBlackhole:
      return fmt::format("swallows {} of the flows that cross it, and passes the others", interval);
    case FaultClass::kMtu:
      return fmt::format("loses large packets: {} bytes pass, larger ones do not",
                         suspect.mtu.value_or(0));
    case FaultClass::kSickHost:
      return fmt::format("is starved as a prober, and its measurements lose {}", interval);
    default:
      return fmt::format("loses {} of the packets that cross it", interval);
  }
}

std::string evidence_for(const Evidence& evidence) {
  std::string text =
      fmt::format("{} of {} bad flows cross it", grouped_text(evidence.bad_flows_crossing),
                  grouped_text(evidence.bad_flows));
  if (evidence.bad_flows_alone < evidence.bad_flows_crossing) {
    text +=
        fmt::format(" ({} of them cross no other suspect)", grouped_text(evidence.bad_flows_alone));
  }
  return text + fmt::format("; {} of {} packets on all flows across it were lost",
                            grouped_text(evidence.lost_crossing),
                            grouped_text(evidence.packets_crossing));
}

std::string evidence_against(const Evidence& evidence) {
  const std::uint64_t elsewhere = evidence.bad_flows - evidence.bad_flows_crossing;
  std::string text =
      fmt::format("{} of {} good flows cross it", grouped_text(evidence.good_flows_crossing),
                  grouped_text(evidence.good_flows));
  if (elsewhere > 0) {
    text += fmt::format("; {} bad {} not, and {} not explained by it", grouped_text(elsewhere),
                        elsewhere == 1 ? "flow does" : "flows do", elsewhere == 1 ? "is" : "are");
  }
  return text;
}

std::string explain(const Suspect& suspect, std::size_t number) {
  std::string text =
      paragraph(fmt::format("[{}]", number),
                fmt::format("{} {} {}", to_string(suspect.kind), suspect.id, harm(suspect)));
  std::string sure = certainty_text(suspect.posterior);
  if (!suspect.ambiguous_with.empty()) sure += " that it is this or one of its group";
  if (suspect.since_s) sure += fmt::format(", since {}", since_text(suspect));
  text += paragraph("sure", sure);
  if (!suspect.ambiguous_with.empty()) {
    text += paragraph("or", list_text(suspect.ambiguous_with, kMembersShown) +
                                ": the measurements do not tell these apart");
  }
  if (suspect.slice) text += paragraph("which", *suspect.slice);
  text += paragraph("for", evidence_for(suspect.evidence));
  text += paragraph("against", evidence_against(suspect.evidence));
  for (const std::string& sentence : suspect.counter_evidence) text += paragraph("", sentence);
  for (const Alternative& it : suspect.alternatives) {
    const bool likelier = it.odds_against < 1;
    text += paragraph("instead",
                      fmt::format("{} {}, {} times {} likely", to_string(it.kind), it.id,
                                  odds_text(likelier ? 1 / it.odds_against : it.odds_against),
                                  likelier ? "more" : "less"));
  }
  if (!suspect.would_change.empty()) text += paragraph("to be sure", suspect.would_change);
  return text;
}

}  // namespace

std::string verdict_explanation(const Verdict& verdict) {
  std::string text = verdict_table(verdict);
  for (std::size_t i = 0; i < verdict.suspects.size(); ++i) {
    text += "\n" + explain(verdict.suspects[i], i + 1);
  }
  return text;
}

}  // namespace faultline::localize
