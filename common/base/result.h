// Result<T>: a value, or an Error that says what went wrong in one sentence for an operator.
//
// Expected failures travel as values; exceptions of foreign libraries are caught at one boundary
// function each and become an Error. Measurement outcomes (loss, timeout) are data, not Errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace faultline {

enum class ErrorCode : std::uint8_t {
  kInvalid,      // malformed input: wire, file, command line
  kNotFound,     // the named thing does not exist
  kConflict,     // exists already, or changed meanwhile (compare-and-set)
  kDenied,       // no permission, unknown key, spent token
  kLimit,        // a documented bound was reached
  kUnavailable,  // a peer, file or device cannot be used now; trying again may help
  kUnsupported,  // a protocol version or option that this build does not know
  kCorrupt,      // stored data does not match its checksum or layout
  kInternal,     // a foreign library failed in an unforeseen way
};

[[nodiscard]] std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string context;  // one sentence: what was tried, with what, and why it failed

  bool operator==(const Error&) const = default;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string context) {
  return tl::unexpected<Error>(Error{code, std::move(context)});
}

}  // namespace faultline

// FAULTLINE_TRY(auto plan, decode(bytes)): declares `plan`, or returns the Error to the caller.
#define FAULTLINE_TRY(declaration, expression) \
  FAULTLINE_TRY_IMPL(FAULTLINE_CONCAT(try_result_, __LINE__), declaration, expression)
#define FAULTLINE_TRY_IMPL(name, declaration, expression)                          \
  auto name = (expression);                                                        \
  if (!name) return ::tl::unexpected<::faultline::Error>(std::move(name).error()); \
  declaration = std::move(*name)

// FAULTLINE_TRY_STATUS(write(bytes)): the same for a Status, which has no value.
#define FAULTLINE_TRY_STATUS(expression)                                                         \
  do {                                                                                           \
    auto try_status = (expression);                                                              \
    if (!try_status) return ::tl::unexpected<::faultline::Error>(std::move(try_status).error()); \
  } while (false)

#define FAULTLINE_CONCAT(a, b) FAULTLINE_CONCAT_IMPL(a, b)
#define FAULTLINE_CONCAT_IMPL(a, b) a##b
