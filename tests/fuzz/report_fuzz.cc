#include "tests/fuzz/fuzz.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/wire/report_codec.h"
#include "tests/support/random_values.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace faultline;
  const auto input = fuzz::as_input(data, size);
  if (const auto value = wire::decode_report(input)) {
    FAULTLINE_CHECK(wire::decode_report(wire::encode(*value)) == *value,
                    "a decoded value does not survive a round trip");
    const auto target =
        value->flows.empty() ? NodeId{7} : value->flows[size % value->flows.size()].target;
    auto of_target = *value;
    std::erase_if(of_target.flows, [&](const auto& flow) { return flow.target != target; });
    std::erase_if(of_target.delays, [&](const auto& delay) { return delay.target != target; });
    of_target.paths.clear();
    FAULTLINE_CHECK(wire::decode_report(input, target) == of_target,
                    "one target's part is not what the whole says of it");
  } else {
    static_cast<void>(wire::decode_report(input, NodeId{1}));
  }
  return 0;
}

std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  std::vector<Bytes> result;
  Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    result.push_back(wire::encode(tests::random_report(rng)));
  }
  return result;
}
