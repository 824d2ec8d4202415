#include "controller/localize/counsel.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "controller/localize/verdict_words.h"

namespace faultline::localize {
namespace {

constexpr double kLogTwenty = 2.995732273553991;
constexpr std::uint64_t kTrialsMax = 1'000'000'000;
// Beyond these odds another factor of 20 says nothing to anybody.
constexpr double kLogOddsSure = 7;

// Trials without any loss that make the fault twenty times less likely than it is now.
std::uint64_t clean_trials(double loss, double background) {
  const double per_trial = std::log1p(-background) - std::log1p(-std::min(loss, 1 - 1e-6));
  if (per_trial <= 0) return kTrialsMax;
  const double trials = std::ceil(kLogTwenty / per_trial);
  return static_cast<std::uint64_t>(std::clamp(trials, 1.0, static_cast<double>(kTrialsMax)));
}

// Losses among `packets` that make the fault twenty times as likely as it is now.
std::uint64_t confirming_losses(std::uint64_t packets, double loss, double background) {
  const double gain = std::log(loss / background);
  const double paid = static_cast<double>(packets) * (loss - background);
  return static_cast<std::uint64_t>(std::max(2.0, std::ceil((kLogTwenty + paid) / gain)));
}

std::uint64_t expected(std::uint64_t trials, double loss) {
  return static_cast<std::uint64_t>(std::max(1.0, std::round(static_cast<double>(trials) * loss)));
}

std::string over(const CounselInput& input, const std::string& id) {
  return input.own_flow.empty() ? "across " + id : "over " + input.own_flow;
}

std::string of_loss(const Suspect& suspect, const CounselInput& input) {
  const double background = std::max(1e-9, input.background);
  const double low = std::max(suspect.loss_low, 2 * background);
  const std::uint64_t packets = clean_trials(low, background);
  std::string text = fmt::format(
      "Of the next {} packets {} about {} should be lost; if none is, this is wrong or over "
      "(20 : 1).",
      grouped_text(packets), over(input, suspect.id),
      grouped_text(expected(packets, suspect.loss)));
  if (input.log_odds >= kLogOddsSure) return text;
  return text + fmt::format(" {} or more losses make it 20 times as likely.",
                            grouped_text(confirming_losses(packets, std::max(low, suspect.loss),
                                                           background)));
}

std::string of_flows(const Suspect& suspect) {
  const std::uint64_t flows = clean_trials(suspect.loss_low, 0);
  return fmt::format(
      "Of {} new 5-tuples (other source ports) across {} about {} should lose everything; if none "
      "does, this is wrong or over (20 : 1).",
      grouped_text(flows), suspect.id, grouped_text(expected(flows, suspect.loss)));
}

std::string of_class(const Suspect& suspect, const CounselInput& input) {
  switch (suspect.fault_class) {
    case FaultClass::kDown:
      return fmt::format("Any packet that arrives {} refutes it.", over(input, suspect.id));
    case FaultClass::kMtu:
      return fmt::format("A few packets larger than {} bytes that arrive across {} refute it.",
                         suspect.mtu.value_or(0), suspect.id);
    case FaultClass::kBlackhole:
      return of_flows(suspect);
    case FaultClass::kSickHost:
      return fmt::format(
          "A window with the same losses in which {} reports itself healthy accuses the network "
          "instead.",
          suspect.id);
    default:
      return of_loss(suspect, input);
  }
}

std::string of_group(const Suspect& suspect, const CounselInput& input) {
  if (suspect.ambiguous_with.empty() || !suspect.packets_to_split) return {};
  const std::string packets = grouped_text(*suspect.packets_to_split);
  if (input.telling_flow.empty()) {
    return fmt::format(
        " No measured flow crosses {} without {}: {} packets over one that does would tell them "
        "apart.",
        suspect.id, suspect.ambiguous_with.front(), packets);
  }
  return fmt::format(" {} packets over {}, which crosses only one of {} and {}, tell them apart.",
                     packets, input.telling_flow, suspect.id, suspect.ambiguous_with.front());
}

}  // namespace

std::uint64_t packets_to_split(double loss, double background) {
  const double q = std::clamp(loss, 1e-6, 1 - 1e-6);
  const double b = std::max(1e-6, background);
  if (q <= b) return 1'000'000;
  const double divergence = q * std::log(q / b) + (1 - q) * std::log((1 - q) / (1 - b));
  return static_cast<std::uint64_t>(std::ceil(std::max(3.0, kLogTwenty / divergence)));
}

std::string what_would_change(const Suspect& suspect, const CounselInput& input) {
  return of_class(suspect, input) + of_group(suspect, input);
}

}  // namespace faultline::localize
