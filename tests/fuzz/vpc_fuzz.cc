#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/base/random.h"
#include "controller/vpc/answer.h"
#include "controller/vpc/importer.h"
#include "controller/vpc/reach.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/controller/vpc/cases.h"

namespace {

using namespace faultline;

// The import of whatever it is must end, alike each time, and what it gives must bear a question.
void run(const std::vector<vpc::SourceFile>& files) {
  const auto import = vpc::import_files(files);
  if (!import) {
    FAULTLINE_CHECK(!import.error().context.empty(), "a refusal without a sentence");
    return;
  }
  FAULTLINE_CHECK(vpc::import_files(files) == import, "the same files give another model");
  (void)vpc::check_json(*import);
  std::vector<std::string> parties{"203.0.113.7", "192.168.10.5"};
  for (const auto& interface : import->model.interfaces) {
    if (parties.size() < 5) parties.push_back(interface.first);
  }
  for (const auto& from : parties) {
    for (const auto& to : parties) {
      const auto answer = vpc::reach(import->model, {.from = from, .to = to});
      if (answer) (void)vpc::answer_json(*answer);
    }
  }
}

// Every part of a document, for bytes that change rarely leave JSON behind.
void collect(nlohmann::json& node, std::vector<nlohmann::json*>& parts) {
  parts.push_back(&node);
  if (!node.is_structured()) return;
  for (auto& child : node) collect(child, parts);
}

// One part becomes nothing, or another part's copy.
void mutate(nlohmann::json& world, Rng& rng) {
  std::vector<nlohmann::json*> parts;
  collect(world, parts);
  const auto any = [&] { return parts[uniform_below(rng, parts.size())]; };
  const auto copy = uniform_below(rng, 2) == 0 ? nlohmann::json() : *any();
  *any() = copy;
}

const std::vector<std::string>& worlds() {
  static const auto kWorlds = [] {
    std::vector<std::string> result;
    for (const auto* world : {"office", "peers", "hub"}) {
      std::string all;
      for (const auto& file : vpc::tests::load_world(world)) {
        all += (all.empty() ? "[" : ",") + file.text;
      }
      result.push_back(all + "]");
    }
    return result;
  }();
  return kWorlds;
}

// A whole world with parts exchanged, as the input says.
void run_world(std::string_view input) {
  Rng rng(std::hash<std::string_view>{}(input));
  if (uniform_below(rng, 20) != 0) return;  // a world costs as much as twenty inputs
  auto world = nlohmann::json::parse(worlds()[uniform_below(rng, worlds().size())]);
  for (auto n = 1 + uniform_below(rng, 4); n > 0; --n) mutate(world, rng);
  run({{"tgw-rtb-spokes.json", world.dump()}});
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  run({{"tgw-rtb-spokes.json", text}});
  run_world(text);
  return 0;
}

// Each answer of the worlds, and each world as one list of answers.
std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  std::vector<Bytes> result;
  const auto add = [&](std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    result.emplace_back(bytes.begin(), bytes.end());
  };
  for (const auto* world : {"office", "peers", "hub"}) {
    for (const auto& file : vpc::tests::load_world(world)) add(file.text);
  }
  for (const auto& world : worlds()) add(world);
  return result;
}
