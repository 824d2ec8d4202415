// Values of several parts: | length 4 | bytes n | length 4 | bytes n | ... , so that more can be
// added by appending, without reading what is there (merge_operators.h). Pure.
#pragma once

#include <string>
#include <string_view>

#include "controller/store/bytes.h"

namespace faultline::store {

[[nodiscard]] inline std::string as_part(std::string_view bytes) {
  std::string part;
  part.reserve(bytes.size() + 4);
  put(part, static_cast<std::uint32_t>(bytes.size()));
  return part.append(bytes);
}

// take(part) -> bool, false when it is damaged. False when one was, or a length is wrong.
template <typename Take>
[[nodiscard]] bool for_each_part(std::string_view value, Take take) {
  ByteReader reader{value};
  while (!reader.done()) {
    const auto length = reader.take<std::uint32_t>();
    const std::string_view part = reader.take(length);
    if (reader.failed() || !take(part)) return false;
  }
  return true;
}

}  // namespace faultline::store
