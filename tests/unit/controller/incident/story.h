// Stories: windows as short texts, and what is said after each.
//
// A window is a list of suspects, "" when there is none, "?" when there was not enough data:
//   "a>b"           a link that loses 1 %, posterior 0.99
//   "a=b"  "a"      a cable, a device
//   "a>b:0.6"       with another posterior
//   "a>b@0.05"      with another loss, known to a tenth of itself
//   "a>b!down"      with another class
//   "a>b~c>d"       that cannot be told from c>d
//   "a^b^c"         that all of b and c must be crossed to reach
//   "a+rack=r1"     with a label
//   "off:h1" "gone:h1" "unmeasured:a>b"   what else the window says
// Events read "opened a>b", "updated a>b", "resolved a>b", joined by ", "; "reopened a>b" is an
// incident that was there before.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "controller/incident/machine.h"

namespace faultline::incident {

inline std::string take_part(std::string& text, char mark) {
  const auto position = text.find(mark);
  if (position == std::string::npos) return {};
  auto part = text.substr(position + 1);
  text.resize(position);
  return part;
}

inline std::vector<std::string> split_at(const std::string& text, char mark) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, mark);) parts.push_back(part);
  return parts;
}

inline Suspect suspect_of(std::string text) {
  Suspect suspect{.posterior = 0.99, .loss = 0.01};
  suspect.fault_class = "loss";
  for (const auto& label : split_at(take_part(text, '+'), '+')) {
    const auto equals = label.find('=');
    suspect.labels[label.substr(0, equals)].push_back(label.substr(equals + 1));
  }
  suspect.depends_on = split_at(take_part(text, '^'), '^');
  if (const auto other = take_part(text, '~'); !other.empty()) suspect.ambiguous_with = {other};
  if (const auto name = take_part(text, '!'); !name.empty()) suspect.fault_class = name;
  if (const auto loss = take_part(text, '@'); !loss.empty()) suspect.loss = std::stod(loss);
  if (const auto p = take_part(text, ':'); !p.empty()) suspect.posterior = std::stod(p);
  suspect.loss_low = 0.9 * suspect.loss;
  suspect.loss_high = std::min(1.0, 1.1 * suspect.loss);
  suspect.id = text;
  const auto mark = text.find_first_of(">=");
  suspect.kind = "device";
  if (mark != std::string::npos) {
    suspect.kind = text[mark] == '=' ? "cable" : "link";
    suspect.from = text.substr(0, mark);
    suspect.to = text.substr(mark + 1, text.find('#') - mark - 1);
  }
  suspect.text = "it is " + suspect.id;
  return suspect;
}

inline constexpr Duration kWindow = std::chrono::seconds{10};

inline WallTime window_end(int number) {
  return wall_time_from_unix_seconds(1'790'000'000) + kWindow * number;
}

inline JudgedWindow window_of(int number, const std::string& text) {
  JudgedWindow window{.end = window_end(number),
                      .enough_data = text != "?",
                      .suspects = {},
                      .unmeasured = {},
                      .restarting = {},
                      .removed = {},
                      .length = kWindow,
                      .judged_at = {}};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto colon = word.find(':');
    const auto name = word.substr(colon + 1);
    if (word == "?" || word == "-") continue;
    if (word.starts_with("off:")) {
      window.restarting.push_back(name);
    } else if (word.starts_with("gone:")) {
      window.removed.push_back(name);
    } else if (word.starts_with("unmeasured:")) {
      window.unmeasured.push_back(name);
    } else {
      window.suspects.push_back(suspect_of(word));
    }
  }
  return window;
}

inline std::string said(const Outcome& outcome) {
  std::string text;
  for (const auto& event : outcome.events) {
    const bool again = event.kind == EventKind::kOpened && event.reason == "opened again";
    text += fmt::format("{}{}{} {}", text.empty() ? "" : ", ", again ? "re" : "",
                        to_string(event.kind), event.incident.suspect.id);
  }
  return text;
}

}  // namespace faultline::incident
