#include "controller/cli/failure.h"

#include <algorithm>

namespace faultline::cli {

std::string one_line(std::string_view message) {
  constexpr std::size_t kTail = kMessageBytesMax / 4;  // its end often says what to do
  std::string result(message);
  if (message.size() > kMessageBytesMax) {
    result = std::string(message.substr(0, kMessageBytesMax - kTail)) + " ... " +
             std::string(message.substr(message.size() - kTail));
  }
  std::ranges::replace_if(
      result, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return result;
}

}  // namespace faultline::cli
