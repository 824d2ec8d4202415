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

// What it does, or did.
std::string harm(const Suspect& suspect) {
  const auto interval =
      fmt::format("{} (95 % between {} and {})", percent_text(suspect.loss),
                  percent_text(suspect.loss_low), percent_text(suspect.loss_high));
  const bool over = suspect.over;
  const auto verb = [&](std::string_view now, std::string_view then) { return over ? then : now; };
  switch (suspect.fault_class) {
    case FaultClass::kDown:
      return over ? "was down: everything that crossed it was lost"
                  : "is down: everything that crosses it is lost";
    case FaultClass::kBlackhole:
      return fmt::format("{} {} of the flows that {} it, and {} the others",
                         verb("swallows", "swallowed"), interval, verb("cross", "crossed"),
                         verb("passes", "passed"));
    case FaultClass::kMtu:
      return fmt::format("{} large packets: {} bytes {}, {} {} not", verb("loses", "lost"),
                         suspect.mtu.value_or(0), verb("pass", "passed"),
                         suspect.size_lost.value_or(suspect.mtu.value_or(0) + 1),
                         verb("do", "did"));
    case FaultClass::kSickHost:
      return fmt::format("{} starved as a prober, and its measurements {} {}", verb("is", "was"),
                         verb("lose", "lost"), interval);
    case FaultClass::kDelay:
      return fmt::format("{} latency, {} to every packet that {} it", verb("adds", "added"),
                         delay_text(suspect), verb("crosses", "crossed"));
    case FaultClass::kCongestion:
      return fmt::format("{} congested: it {}, {}, and {} {}", verb("is", "was"),
                         verb("queues", "queued"), delay_text(suspect), verb("loses", "lost"),
                         interval);
    default:
      return fmt::format("{} {} of the packets that {} it", verb("loses", "lost"), interval,
                         verb("cross", "crossed"));
  }
}

// Added latency is told by flows that are slow; the others are as fast as usual.
bool by_delay_alone(const Suspect& suspect) {
  return suspect.fault_class == FaultClass::kDelay && suspect.loss == 0;
}

std::string slow_flows_for(const Evidence& evidence) {
  return fmt::format("{} of {} slow flows cross it", grouped_text(evidence.bad_flows_crossing),
                     grouped_text(evidence.bad_flows));
}

std::string slow_flows_against(const Evidence& evidence) {
  return fmt::format("{} of {} flows that are as fast as usual cross it",
                     grouped_text(evidence.good_flows_crossing), grouped_text(evidence.good_flows));
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
  if (suspect.since_s) {
    sure += fmt::format(", {} {}", suspect.over ? "from" : "since", since_text(suspect));
  }
  text += paragraph("sure", sure);
  if (!suspect.ambiguous_with.empty()) {
    text += paragraph("or", list_text(suspect.ambiguous_with, kMembersShown) +
                                ": the measurements do not tell these apart");
  }
  if (suspect.slice) text += paragraph("which", *suspect.slice);
  const bool slow = by_delay_alone(suspect);
  text +=
      paragraph("for", slow ? slow_flows_for(suspect.evidence) : evidence_for(suspect.evidence));
  text += paragraph(
      "against", slow ? slow_flows_against(suspect.evidence) : evidence_against(suspect.evidence));
  for (const std::string& sentence : suspect.counter_evidence) text += paragraph("", sentence);
  for (const Alternative& it : suspect.alternatives) {
    const bool likelier = it.odds_against < 1;
    text += paragraph("instead",
                      fmt::format("{} {}, {} times {} likely", to_string(it.kind), it.id,
                                  odds_text(likelier ? 1 / it.odds_against : it.odds_against),
                                  likelier ? "more" : "less"));
  }
  if (!suspect.would_change.empty()) {
    // What packets of now can tell of a fault that has ended is whether it has come back.
    text += paragraph(suspect.over ? "if back" : "to be sure", suspect.would_change);
  }
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
