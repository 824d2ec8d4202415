#include "controller/localize/slices.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "controller/localize/flow_names.h"

namespace faultline::localize {
namespace {

// Of the flows with the values named, and of the dead flows, so many must agree.
constexpr double kAgreeMin = 0.95;
// Fewer dead flows have properties in common by chance.
constexpr std::size_t kDeadFlowsMin = 3;
// A slice of more values is told by its share.
constexpr std::size_t kValuesMax = 4;
constexpr std::size_t kExamplesMax = 3;

struct Property {
  std::string name;
  std::string value;
};

bool is_number(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
}

// The words of a flow's name, each with its place, so that source and destination ports differ:
// "h1:50003>h9:862" has a source port and a destination port.
void add_words(std::vector<Property>& properties, std::string_view flow) {
  std::size_t place = 0;
  bool past_arrow = false;
  for (std::size_t i = 0; i < flow.size();) {
    if (!is_word(flow[i])) {
      past_arrow = past_arrow || flow[i] == '>';
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < flow.size() && is_word(flow[end])) ++end;
    const std::string_view word = flow.substr(i, end - i);
    const bool is_port = i > 0 && flow[i - 1] == ':' && is_number(word);
    ++place;
    const std::string port = past_arrow ? "destination port" : "source port";
    properties.push_back(
        {is_port ? port : "flow field " + std::to_string(place), std::string(word)});
    i = end;
  }
}

std::vector<Property> properties_of(const ObservationSet& set, const FlowRecord& flow) {
  const std::string& src = set.at(flow.src).id;
  const std::string& dst = set.at(flow.dst).id;
  std::vector<Property> properties{{"src", src}, {"dst", dst}, {"pair", src + " to " + dst}};
  if (flow.dscp >= 0) properties.push_back({"dscp", std::to_string(flow.dscp)});
  add_words(properties, set.at(flow.flow));
  return properties;
}

struct Split {
  std::size_t dead = 0;
  std::size_t alive = 0;
};
using ByValue = std::map<std::string, Split>;

std::map<std::string, ByValue> count_values(const ObservationSet& set, const Problem& problem,
                                            const std::vector<std::uint32_t>& dead,
                                            const std::vector<std::uint32_t>& alive) {
  std::map<std::string, ByValue> result;
  const auto count = [&](const std::vector<std::uint32_t>& flows, std::size_t Split::*kind) {
    for (const std::uint32_t flow : flows) {
      for (const Property& it : properties_of(set, problem.flows[flow])) {
        ++(result[it.name][it.value].*kind);
      }
    }
  };
  count(dead, &Split::dead);
  count(alive, &Split::alive);
  return result;
}

struct Telling {
  std::string text;
  std::size_t values = 0;
};

// "source port 50001 or 50005", when these values hold for nearly all dead flows and, of the flows
// that have them, nearly all are dead.
std::optional<Telling> telling_values(const std::string& name, const ByValue& values,
                                      std::size_t dead_flows) {
  Telling result;
  std::size_t dead = 0;
  for (const auto& [value, split] : values) {
    const auto of_value = static_cast<double>(split.dead + split.alive);
    // One flow of a value is no rule.
    if (split.dead < 2 || static_cast<double>(split.dead) < kAgreeMin * of_value) continue;
    const std::string begin = name + (name.starts_with("flow field") ? " = " : " ");
    result.text += (result.text.empty() ? begin : " or ") + value;
    dead += split.dead;
    ++result.values;
  }
  const bool tells = static_cast<double>(dead) >= kAgreeMin * static_cast<double>(dead_flows);
  if (!tells || result.values > kValuesMax || result.values == values.size()) return std::nullopt;
  return result;
}

// The property that needs the fewest values; among equals the first by name.
std::string best_property(const std::map<std::string, ByValue>& by_name, std::size_t dead_flows) {
  Telling best;
  for (const auto& [name, values] : by_name) {
    const auto telling = telling_values(name, values, dead_flows);
    if (telling && (best.values == 0 || telling->values < best.values)) best = *telling;
  }
  return best.text;
}

std::string examples(const ObservationSet& set, const Problem& problem,
                     const std::vector<std::uint32_t>& dead) {
  std::array<std::uint32_t, kExamplesMax> first{};
  const auto last = std::ranges::partial_sort_copy(dead, first, [&](auto a, auto b) {
                      return named_before(set, problem.flows[a], problem.flows[b]);
                    }).out;
  std::string text;
  for (auto it = first.begin(); it != last; ++it) {
    text += it == first.begin() ? ": " : ", ";
    text += flow_name(set, problem.flows[*it]);
  }
  return dead.size() > kExamplesMax ? text + ", ..." : text;
}

}  // namespace

std::string name_slice(const ObservationSet& set, const Problem& problem,
                       const std::vector<std::uint32_t>& dead,
                       const std::vector<std::uint32_t>& alive) {
  const std::size_t all = dead.size() + alive.size();
  const auto percent = std::lround(100.0 * static_cast<double>(dead.size()) /
                                   static_cast<double>(std::max<std::size_t>(1, all)));
  const std::string share = std::to_string(percent) + " % of flows (" +
                            std::to_string(dead.size()) + " of " + std::to_string(all) +
                            " that cross)";
  if (dead.size() >= kDeadFlowsMin && !alive.empty()) {
    const std::string property =
        best_property(count_values(set, problem, dead, alive), dead.size());
    if (!property.empty()) return property + ": " + share;
  }
  return share + examples(set, problem, dead);
}

}  // namespace faultline::localize
