#include "controller/cli/diagnose_offline.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "controller/cli/check_offline.h"
#include "controller/cli/clock.h"
#include "controller/cli/vpc_offline.h"
#include "controller/diagnose/inputs_json.h"
#include "controller/diagnose/network.h"
#include "controller/vpc/answer.h"

namespace faultline::cli {
namespace {

// What the end talks by: of a snapshot the first address of global scope that leads out.
void place_end(const std::vector<diagnose::NodeFacts>& fleet, diagnose::End& end) {
  const auto found = std::ranges::find(fleet, end.name, &diagnose::NodeFacts::node);
  if (found == fleet.end()) {
    end.address = IpAddress::parse(end.name);
    return;
  }
  end.probe = diagnose::ProbeState::kUnknown;
  for (const auto& member : diagnose::members_of(fleet)) {
    if (member.node != &*found || end.address) continue;
    end.address = member.address->prefix.address;
  }
}

Outcome<vpc::Answer> ask_cloud(const vpc::Model& model, const diagnose::Inputs& inputs) {
  vpc::Question question;
  question.protocol =
      inputs.question.port && inputs.question.protocol == "tcp" ? vpc::kTcp : vpc::kUdp;
  question.port = inputs.question.port.value_or(inputs.b.probe_port);
  // A node may be called otherwise in the cloud; its address is the same.
  const auto names_of = [](const diagnose::End& end) {
    std::vector<std::string> names{end.name};
    if (end.address) names.push_back(end.address->to_string());
    return names;
  };
  std::string problem;
  for (const auto& from : names_of(inputs.a)) {
    for (const auto& to : names_of(inputs.b)) {
      question.from = from;
      question.to = to;
      auto answer = vpc::reach(model, question);
      if (answer) return *std::move(answer);
      problem = answer.error().context;
    }
  }
  return usage(problem);
}

}  // namespace

Outcome<diagnose::Inputs> parse_inputs(const std::string& text, const std::string& what) {
  auto inputs = diagnose::inputs_from_text(text);
  if (!inputs) return usage(fmt::format("{}: {}", what, inputs.error().context));
  return *std::move(inputs);
}

Outcome<diagnose::Inputs> read_inputs(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return usage(fmt::format("{} cannot be read", path));
  std::string text(std::istreambuf_iterator<char>(file), {});
  return parse_inputs(text, path);
}

Outcome<void> write_inputs(const diagnose::Inputs& inputs, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << diagnose::inputs_json(inputs).dump(1) << '\n';
  file.close();
  if (!file) return usage(fmt::format("{} cannot be written", path));
  return {};
}

Outcome<diagnose::Inputs> inputs_of_folder(const std::string& folder, diagnose::Question question,
                                           const std::string& a, const std::string& b) {
  FAULTLINE_CLI_TRY(auto fleet, read_snapshots(folder));
  diagnose::Inputs inputs{.question = std::move(question)};
  inputs.a.name = a;
  inputs.b.name = b;
  place_end(fleet, inputs.a);
  place_end(fleet, inputs.b);
  for (const auto* end : {&inputs.a, &inputs.b}) {
    if (end->address) continue;
    return usage(
        fmt::format("{} has no snapshot {}.json, and it is no address", folder, end->name));
  }
  if (a == b || inputs.a.address == inputs.b.address) {
    return usage(fmt::format("{} and {} are the same machine", a, b));
  }
  const auto is_missing = [](const diagnose::End& end) {
    return end.probe == diagnose::ProbeState::kNone;
  };
  if (is_missing(inputs.a) && is_missing(inputs.b)) {
    return usage(fmt::format("{} has a snapshot of neither {} nor {}", folder, a, b));
  }
  inputs.question.at = now_wall();
  inputs.question.past = true;
  inputs.facts = std::move(fleet);
  return inputs;
}

Outcome<void> add_cloud(const std::string& folder, diagnose::Inputs& inputs) {
  FAULTLINE_CLI_TRY(const auto import, import_cloud(folder));
  FAULTLINE_CLI_TRY(const auto answer, ask_cloud(import.model, inputs));
  diagnose::CloudAnswer cloud{.verdict = std::string(vpc::to_string(answer.verdict)),
                              .sentence = vpc::sentence(answer)};
  if (answer.stop) {
    cloud.code = answer.stop->code;
    cloud.element = answer.stop->element;
    cloud.rule = answer.stop->rule;
    cloud.on_way_back = answer.stop->direction == vpc::Direction::kReturn;
  }
  inputs.cloud = std::move(cloud);
  return {};
}

}  // namespace faultline::cli
