// What the formats have in common, and the webhook of our own.
#include "controller/notify/payload.h"

#include <fmt/format.h>

namespace faultline::notify {

std::string summary_of(const Receiver& receiver, const Alert& alert) {
  return receiver.summary ? receiver.summary->render(alert, Escape::kNone) : alert.summary;
}

std::string shortened(const std::string& text, std::size_t bytes_max) {
  constexpr std::string_view kMore = "...";
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max - kMore.size();
  // Bytes 10xxxxxx continue a character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + std::string(kMore);
}

std::string evidence_sentence(const Alert& alert) {
  if (alert.remedy) return fmt::format("{}", fmt::join(alert.remedy->evidence, "\n"));
  const auto& evidence = alert.evidence;
  return fmt::format("{} of {} bad flows cross it, {} of {} good ones do",
                     evidence.bad_flows_crossing, evidence.bad_flows, evidence.good_flows_crossing,
                     evidence.good_flows);
}

std::string remedy_sentence(const Alert& alert) {
  if (!alert.remedy) return {};
  return fmt::format("{} On {}: {}", alert.remedy->text, alert.remedy->run_on,
                     alert.remedy->command);
}

std::string loss_sentence(const Alert& alert) {
  if (!alert.loss) return {};
  auto text = fmt::format("{:.3g} %", 100 * *alert.loss);
  if (alert.loss_low && alert.loss_high) {
    text += fmt::format(" ({:.3g} to {:.3g} %)", 100 * *alert.loss_low, 100 * *alert.loss_high);
  }
  return text;
}

std::string blast_sentence(const Alert& alert) {
  std::string text;
  const auto add = [&](std::string_view what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", what, fmt::join(names, ", "));
  };
  add("racks", alert.affected_racks);
  add("zones", alert.affected_zones);
  add("VMs", alert.affected_vms);
  return text;
}

std::vector<std::string> change_sentences(const Alert& alert) {
  std::vector<std::string> sentences;
  for (const auto& change : alert.changes) {
    sentences.push_back(fmt::format("{} {} {}: {} -> {}", format_rfc3339(change.time), change.kind,
                                    change.subject, change.before.empty() ? "-" : change.before,
                                    change.after.empty() ? "-" : change.after));
  }
  return sentences;
}

std::string harm_sentence(const Alert& alert) {
  std::string text;
  if (alert.delay_us) text = fmt::format("adds {:.0f} us", *alert.delay_us);
  if (alert.delay_us && alert.delay_p95_us)
    text += fmt::format(" (p95 {:.0f} us)", *alert.delay_p95_us);
  if (alert.mtu) {
    text += fmt::format("{}passes {} bytes at most", text.empty() ? "" : "; ", *alert.mtu);
  }
  return text;
}

std::string confirmation_sentence(const Alert& alert) {
  if (!alert.confirmation) return {};
  const auto& [component, outcome, before, after, packets] = *alert.confirmation;
  return fmt::format("{}: {:.2f} -> {:.2f} after {} extra packets on {}", outcome, before, after,
                     packets, component);
}

std::string webhook_body(const Receiver& receiver, const Alert& alert, const std::string& body) {
  return receiver.body ? receiver.body->render(alert, Escape::kJson) : body;
}

}  // namespace faultline::notify
