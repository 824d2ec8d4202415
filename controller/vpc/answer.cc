#include "controller/vpc/answer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "controller/vpc/consistency.h"
#include "controller/vpc/reach_packet.h"

namespace faultline::vpc {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string dump(const OrderedJson& document) {
  return document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string conversation(const Question& question) {
  return has_ports(question.protocol)
             ? fmt::format("{} {}", protocol_name(question.protocol), question.port)
             : protocol_name(question.protocol);
}

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

OrderedJson party_json(const Party& party) {
  return {{"asked", party.asked},
          {"name", party.name},
          {"interface", text_or_null(party.interface)},
          {"address", party.address.to_string()}};
}

OrderedJson stop_json(const Stop& stop) {
  return {{"direction", to_string(stop.direction)},
          {"code", stop.code},
          {"element", stop.element},
          {"rule", text_or_null(stop.rule)},
          {"sentence", stop.sentence}};
}

OrderedJson trail_json(const std::vector<Step>& trail) {
  auto steps = OrderedJson::array();
  for (const auto& step : trail) {
    steps.push_back({{"direction", to_string(step.direction)},
                     {"element", step.element},
                     {"what", step.what},
                     {"rule", text_or_null(step.rule)},
                     {"passed", step.passed}});
  }
  return steps;
}

}  // namespace

std::string sentence(const Answer& answer) {
  const auto pair = [&](const char* verb) {
    return fmt::format("{} {} {} on {}", answer.from.name, verb, answer.to.name,
                       conversation(answer.question));
  };
  const auto why =
      answer.stop ? fmt::format(" ({}): {}",
                                answer.stop->direction == Direction::kForward ? "on the way there"
                                                                              : "on the way back",
                                answer.stop->sentence)
                  : "";
  switch (answer.verdict) {
    case Verdict::kAllowed:
      return pair("may talk to");
    case Verdict::kPartly:
      return pair("may talk to") + " from some client ports only" + why;
    case Verdict::kDenied:
      return pair("may not talk to") + why;
    case Verdict::kUnknown:
      break;
  }
  return "it cannot be told whether " + pair("may talk to") + why;
}

std::string answer_json(const Answer& answer) {
  return dump({{"schema", "faultline.vpc_reach/1"},
               {"verdict", to_string(answer.verdict)},
               {"sentence", sentence(answer)},
               {"from", party_json(answer.from)},
               {"to", party_json(answer.to)},
               {"protocol", protocol_name(answer.question.protocol)},
               {"port", has_ports(answer.question.protocol) ? OrderedJson(answer.question.port)
                                                            : OrderedJson()},
               {"client_ports", to_string(answer.question.client_ports)},
               {"stop", answer.stop ? stop_json(*answer.stop) : OrderedJson()},
               {"trail", trail_json(answer.trail)},
               {"notes", answer.notes}});
}

std::string check_json(const Import& import) {
  const auto& report = import.report;
  auto files = OrderedJson::array();
  for (const auto& file : report.files) {
    files.push_back(
        {{"file", file.name}, {"what", text_or_null(file.what)}, {"why", text_or_null(file.why)}});
  }
  auto networks = OrderedJson::array();
  for (const auto& [id, network] : import.model.networks) {
    auto prefixes = OrderedJson::array();
    for (const auto& prefix : network.prefixes) prefixes.push_back(prefix.to_string());
    networks.push_back({{"id", id},
                        {"name", text_or_null(network.name)},
                        {"account", text_or_null(network.account)},
                        {"region", text_or_null(network.region)},
                        {"prefixes", std::move(prefixes)}});
  }
  auto findings = OrderedJson::array();
  for (const auto& finding : find_inconsistencies(import.model)) {
    findings.push_back({{"element", finding.element}, {"sentence", finding.sentence}});
  }
  return dump({{"schema", "faultline.vpc_check/1"},
               {"files", std::move(files)},
               {"read", report.read},
               {"skipped", report.skipped},
               {"repeated", report.repeated},
               {"networks", std::move(networks)},
               {"notes", report.notes},
               {"inconsistencies", std::move(findings)}});
}

}  // namespace faultline::vpc
