#include <string>
#include <string_view>

#include "common/base/check.h"
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

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  run({{"tgw-rtb-spokes.json", text}});
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
    std::string all;
    for (const auto& file : vpc::tests::load_world(world)) {
      add(file.text);
      all += (all.empty() ? "[" : ",") + file.text;
    }
    add(all + "]");
  }
  return result;
}
