#include "tests/fuzz/fuzz.h"

#include "common/base/check.h"
#include "common/wire/control_codec.h"
#include "tests/support/random_values.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace faultline;
  const auto input = fuzz::as_input(data, size);
  if (const auto value = wire::decode_probe_message(input)) {
    FAULTLINE_CHECK(wire::decode_probe_message(wire::encode(*value)) == *value,
                    "a decoded value does not survive a round trip");
  }
  if (const auto value = wire::decode_controller_message(input)) {
    FAULTLINE_CHECK(wire::decode_controller_message(wire::encode(*value)) == *value,
                    "a decoded value does not survive a round trip");
  }
  return 0;
}

std::vector<faultline::fuzz::Bytes> faultline::fuzz::seeds() {
  std::vector<Bytes> result;
  Rng rng(1);
  for (int i = 0; i < 50; ++i) {
    result.push_back(wire::encode(tests::random_probe_message(rng)));
    result.push_back(wire::encode(tests::random_controller_message(rng)));
  }
  return result;
}
