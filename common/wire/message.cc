#include "common/wire/message.h"

#include <cstring>

#include <fmt/format.h>
#include <kj/io.h>

namespace faultline::wire {

Result<kj::Array<capnp::word>> align(std::span<const std::byte> bytes, std::size_t bytes_max,
                                     std::string_view what) {
  if (bytes.size() > bytes_max) {
    return fail(ErrorCode::kLimit,
                fmt::format("{}: {} bytes, at most {}", what, bytes.size(), bytes_max));
  }
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: {} bytes are not whole words", what, bytes.size()));
  }
  auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), bytes.size());
  return words;
}

capnp::ReaderOptions reader_options(std::size_t words) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 4 * words;
  options.nestingLimit = kNestingMax;
  return options;
}

Error malformed(std::string_view what, const kj::Exception& exception) {
  return {ErrorCode::kInvalid,
          fmt::format("{}: malformed Cap'n Proto: {}", what, exception.getDescription().cStr())};
}

std::vector<std::byte> to_bytes(capnp::MessageBuilder& message) {
  // Straight to where it stays: messageToFlatArray() would be one more copy of a large report.
  std::vector<std::byte> bytes(capnp::computeSerializedSizeInWords(message) * sizeof(capnp::word));
  kj::ArrayOutputStream stream(
      kj::arrayPtr(reinterpret_cast<kj::byte*>(bytes.data()), bytes.size()));
  capnp::writeMessage(stream, message);
  return bytes;
}

}  // namespace faultline::wire
