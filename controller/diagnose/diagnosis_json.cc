#include "controller/diagnose/diagnosis_json.h"

#include <algorithm>
#include <tuple>

#include <nlohmann/json.hpp>

#include "controller/diagnose/inputs_json.h"
#include "controller/diagnose/layers.h"

namespace faultline::diagnose {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

OrderedJson time_or_null(std::optional<WallTime> time) {
  return time && *time != WallTime{} ? OrderedJson(format_rfc3339(*time)) : OrderedJson();
}

OrderedJson end_json(const End& end, WallTime facts_at) {
  return {{"name", end.name},
          {"probe", to_string(end.probe)},
          {"address", end.address ? OrderedJson(end.address->to_string()) : OrderedJson()},
          {"last_seen", time_or_null(end.last_seen)},
          {"facts_at", time_or_null(facts_at)}};
}

OrderedJson check_json(const Check& check) {
  return {{"code", check.code},
          {"level", to_string(check.level)},
          {"summary", check.summary},
          {"nodes", check.nodes},
          {"component", text_or_null(check.component)},
          {"evidence", check.evidence},
          {"remedy", check.remedy},
          {"command", check.command},
          {"run_on", check.run_on}};
}

OrderedJson layers_json(const std::vector<Check>& checks) {
  auto layers = OrderedJson::array();
  for (std::size_t i = 0; i < kLayers; ++i) {
    const auto layer = static_cast<Layer>(i);
    auto list = OrderedJson::array();
    std::optional<Level> level;
    for (const auto& check : checks) {
      if (check.layer != layer) continue;
      level = std::max(level.value_or(check.level), check.level);
      list.push_back(check_json(check));
    }
    layers.push_back({{"layer", to_string(layer)},
                      {"level", to_string(level.value_or(Level::kOk))},
                      {"checks", std::move(list)}});
  }
  return layers;
}

OrderedJson findings_json(const Question& question, std::vector<Check> checks) {
  std::erase_if(checks, [](const Check& check) {
    return check.level != Level::kFail && check.level != Level::kWarn;
  });
  std::ranges::stable_sort(checks, std::greater{}, [&](const Check& check) {
    return std::tuple(check.level, !is_beside_port(question, check), check.weight);
  });
  auto list = OrderedJson::array();
  for (const auto& check : checks) {
    auto entry = check_json(check);
    entry["layer"] = to_string(check.layer);
    list.push_back(std::move(entry));
  }
  return list;
}

OrderedJson symptoms_json(Symptoms symptoms) {
  auto list = OrderedJson::array();
  constexpr std::pair<Symptom, const char*> kNames[] = {{kDead, "dead"},   {kSubset, "subset"},
                                                        {kLossy, "lossy"}, {kSlow, "slow"},
                                                        {kMtuLow, "mtu"},  {kPortDead, "port"}};
  for (const auto& [symptom, name] : kNames) {
    if ((symptoms & symptom) != 0) list.push_back(name);
  }
  return list;
}

}  // namespace

std::string to_json(const Diagnosis& diagnosis) {
  const auto& verdict = diagnosis.verdict;
  const auto& question = diagnosis.question;
  const OrderedJson document{
      {"schema", "faultline.diagnosis/1"},
      {"a", end_json(diagnosis.a, diagnosis.facts_at.at(0))},
      {"b", end_json(diagnosis.b, diagnosis.facts_at.at(1))},
      {"asked",
       {{"at", format_rfc3339(question.at)},
        {"past", question.past},
        {"port", question.port ? OrderedJson(*question.port) : OrderedJson()},
        {"protocol", question.protocol}}},
      {"symptoms", symptoms_json(diagnosis.symptoms)},
      {"verdict",
       {{"code", verdict.code},
        {"level", to_string(verdict.level)},
        {"layer", verdict.layer ? OrderedJson(to_string(*verdict.layer)) : OrderedJson()},
        {"nodes", verdict.nodes},
        {"component", text_or_null(verdict.component)},
        {"sentence", verdict.sentence},
        {"remedy", verdict.remedy},
        {"command", verdict.command},
        {"run_on", verdict.run_on}}},
      {"layers", layers_json(diagnosis.checks)},
      {"findings", findings_json(question, diagnosis.checks)}};
  return document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace faultline::diagnose
