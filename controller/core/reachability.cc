#include "controller/core/reachability.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace faultline::core {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> kSights{"no_answer", "probe", "host", "nothing",
                                                  "own_uplink"};
constexpr std::array<std::string_view, 6> kConditions{"unknown", "probe_down",     "node_down",
                                                      "uplink",  "controller_way", "reachable"};
constexpr std::array<std::string_view, 6> kWords{
    "not known", "probe down", "down or cut off", "its uplink", "way to the controller",
    "reachable"};
constexpr std::array<std::string_view, 4> kReplies{"no answer", "answered", "refused", "cannot"};

bool counts(const Witness& witness) {
  return witness.sight != Sight::kNoAnswer && witness.sight != Sight::kOwnUplink;
}
bool sees_host(const Witness& witness) {
  return witness.sight == Sight::kProbe || witness.sight == Sight::kHost;
}

template <typename Predicate>
std::vector<std::string> names_of(const std::vector<Witness>& witnesses, Predicate wanted) {
  std::vector<std::string> names;
  for (const auto& witness : witnesses) {
    if (wanted(witness)) names.push_back(witness.name);
  }
  return names;
}

// "h1, h2 and h3"
std::string listed(const std::vector<std::string>& names) {
  if (names.size() < 2) return names.empty() ? "nobody" : names.front();
  return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Empty where it is no text, or not there.
std::string word(const Json& object, const char* member) {
  if (!object.is_object()) return {};
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "h1", "h1, h2 and 3 more"
std::string shortened(const std::vector<std::string>& names) {
  if (names.size() <= kProbesNamedMax) return listed(names);
  const auto end = names.begin() + kProbesNamedMax;
  return fmt::format("{} and {} more", fmt::join(names.begin(), end, ", "),
                     names.size() - kProbesNamedMax);
}

}  // namespace

std::string_view to_string(Sight sight) { return kSights.at(static_cast<std::size_t>(sight)); }
std::string_view to_string(Condition condition) {
  return kConditions.at(static_cast<std::size_t>(condition));
}
std::string_view words(Condition condition) {
  return kWords.at(static_cast<std::size_t>(condition));
}
std::string_view to_string(Reply reply) { return kReplies.at(static_cast<std::size_t>(reply)); }

Condition judge_reachability(const std::vector<Witness>& witnesses, Heard heard) {
  const auto asked = std::ranges::count_if(witnesses, counts);
  const auto see_host = std::ranges::count_if(witnesses, sees_host);
  const auto see_probe = std::ranges::count(witnesses, Sight::kProbe, &Witness::sight);
  const auto refused = std::ranges::count_if(witnesses, [](const Witness& witness) {
    return witness.sight == Sight::kHost && witness.refused;
  });
  if (heard.silent && heard.relayed) {
    return see_host < asked ? Condition::kUplink : Condition::kControllerWay;
  }
  if (asked == 0) return Condition::kUnknown;
  if (see_host == 0) return heard.since ? Condition::kUplink : Condition::kNodeDown;
  if (see_host < asked) return Condition::kUplink;
  if (heard.since) return Condition::kReachable;
  if (see_probe > 0) return heard.silent ? Condition::kControllerWay : Condition::kReachable;
  // A probe that hangs, or whose port is filtered, refuses nothing: only time tells that.
  return heard.silent || refused == asked ? Condition::kProbeDown : Condition::kUnknown;
}

std::string sentence(const Reachability& reachability) {
  const auto& witnesses = reachability.witnesses;
  const auto speaking = names_of(witnesses, counts);
  const auto seeing = names_of(witnesses, sees_host);
  const auto blind =
      names_of(witnesses, [](const Witness& it) { return it.sight == Sight::kNothing; });
  const auto cut =
      names_of(witnesses, [](const Witness& it) { return it.sight == Sight::kOwnUplink; });
  const auto probed =
      names_of(witnesses, [](const Witness& it) { return it.sight == Sight::kProbe; });
  std::string text;
  if (!reachability.asked_at) {
    text = "others are being asked whether they reach it";
  } else if (speaking.empty()) {
    text = "nobody could be asked whether he reaches it";
  } else if (seeing.empty()) {
    text = fmt::format("nothing of it answers any of the {} asked ({})",
                       counted(speaking.size(), "node"), listed(speaking));
  } else if (!blind.empty()) {
    text = fmt::format("its host answers {} and not {}", listed(seeing), listed(blind));
  } else {
    const auto probe = probed.empty()                     ? std::string("its probe none of them")
                       : probed.size() == speaking.size() ? std::string("and so does its probe")
                                                          : "its probe " + listed(probed);
    text = fmt::format("its host answers all of the {} asked ({}), {}",
                       counted(speaking.size(), "node"), listed(speaking), probe);
  }
  if (!cut.empty()) {
    text += fmt::format("; {} {} cut off {}, and so says nothing of it", listed(cut),
                        cut.size() == 1 ? "is" : "are", cut.size() == 1 ? "itself" : "themselves");
  }
  if (!reachability.by_way_of.empty()) {
    text += fmt::format("; it reports by way of {}", reachability.by_way_of);
  }
  return text;
}

Reply read_reply(const OrderedTest& test, const IpAddress& target) {
  if (test.state != TestState::kDone || test.report == nullptr) return Reply::kCannot;
  const auto report = Json::parse(*test.report, nullptr, false);
  const auto pings = report.is_object() ? report.find("pings") : report.end();
  if (pings == report.end() || !pings->is_array() || word(report, "verdict") == "not-sent") {
    return Reply::kCannot;
  }
  const auto address = target.to_string();
  auto reply = Reply::kSilence;
  for (const auto& ping : *pings) {
    if (word(ping, "from") != address) continue;
    const auto outcome = word(ping, "outcome");
    if (outcome == "answered") return Reply::kAnswered;
    if (outcome == "refused") reply = Reply::kRefused;
  }
  return reply;
}

std::string probe_id(std::string_view node) { return fmt::format("{}:{}", kProbeKind, node); }

incident::Suspect to_suspect(const ProbesDown& down) {
  const auto& node = down.nodes.front();
  incident::Suspect suspect;
  suspect.kind = kProbeKind;
  suspect.id = down.id;
  suspect.fault_class = kProbeDownClass;
  suspect.posterior = 1;
  suspect.since = down.since;
  suspect.affected = down.nodes;
  suspect.severity = incident::Severity::kWarning;
  suspect.text =
      down.nodes.size() == 1
          ? fmt::format("the probe of {} is down, its host is up: {}", node, sentence(down.lead))
          : fmt::format("the probes of {} are down, their hosts are up; of {}: {}",
                        shortened(down.nodes), node, sentence(down.lead));
  incident::Remedy remedy{
      .evidence = {fmt::format(
          "{} was heard last at {}", node,
          format_rfc3339(std::chrono::floor<std::chrono::seconds>(down.lead.doubted_at)))},
      .text = fmt::format("Start the probe on {}, and see why it ended: it is not the network, and "
                          "until then what others measure to it is not judged.",
                          node),
      .command = "systemctl status faultline-probe; journalctl -u faultline-probe -n 50",
      .run_on = node};
  for (const auto& witness : down.lead.witnesses) {
    remedy.evidence.push_back(
        fmt::format("asked at {}, {}{}: {}",
                    format_rfc3339(std::chrono::floor<std::chrono::seconds>(witness.at)),
                    witness.name, witness.rack.empty() ? "" : " in " + witness.rack, witness.text));
  }
  suspect.remedy = std::move(remedy);
  return suspect;
}

}  // namespace faultline::core
