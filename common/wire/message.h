// The boundary to Cap'n Proto: bytes to a checked reader and a builder to bytes. Internal to this
// folder.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <fmt/format.h>
#include <kj/exception.h>

#include "common/base/result.h"

namespace faultline::wire {

inline constexpr int kNestingMax = 16;

// The message's words, copied to where they are aligned. Refuses an impossible length.
[[nodiscard]] Result<kj::Array<capnp::word>> align(std::span<const std::byte> bytes,
                                                   std::size_t bytes_max, std::string_view what);
// Every word may be read a few times; more is a message that points to the same words repeatedly.
[[nodiscard]] capnp::ReaderOptions reader_options(std::size_t words);
[[nodiscard]] Error malformed(std::string_view what, const kj::Exception& exception);
[[nodiscard]] std::vector<std::byte> to_bytes(capnp::MessageBuilder& message);

// read(Root::Reader) -> Result<Value>. The one place where kj's exceptions end: Cap'n Proto throws
// lazily, whenever a pointer out of bounds is followed.
template <typename Root, typename Value, typename Read>
[[nodiscard]] Result<Value> read_message(std::span<const std::byte> bytes, std::size_t bytes_max,
                                         std::string_view what, Read read) {
  FAULTLINE_TRY(const auto words, align(bytes, bytes_max, what));
  try {
    capnp::FlatArrayMessageReader reader(words, reader_options(words.size()));
    if (reader.getEnd() != words.end()) {
      return fail(ErrorCode::kInvalid, fmt::format("{}: bytes after the end of the message", what));
    }
    return read(reader.getRoot<Root>());
  } catch (const kj::Exception& exception) {
    return tl::unexpected<Error>(malformed(what, exception));
  }
}

}  // namespace faultline::wire
