// A command that could not do its work: what to say, and how to exit.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "common/base/result.h"
#include "controller/cli/exit_code.h"

namespace faultline::cli {

struct Failure {
  ExitCode exit_code = ExitCode::kUsage;
  std::string code;     // machine-readable, as in the API's error documents
  std::string message;  // one sentence

  bool operator==(const Failure&) const = default;
};

// One line for a terminal: control characters are replaced, and what is long (a name may be
// anything that was typed) loses its middle.
inline constexpr std::size_t kMessageBytesMax = 400;
[[nodiscard]] std::string one_line(std::string_view message);

template <typename T>
using Outcome = tl::expected<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> usage(std::string message) {
  return tl::unexpected<Failure>(
      Failure{ExitCode::kUsage, std::string{to_string(ErrorCode::kInvalid)}, std::move(message)});
}

}  // namespace faultline::cli

// FAULTLINE_CLI_TRY(auto text, read()): declares `text`, or returns the Failure to the caller.
#define FAULTLINE_CLI_TRY(declaration, expression) \
  FAULTLINE_CLI_TRY_IMPL(FAULTLINE_CONCAT(try_outcome_, __LINE__), declaration, expression)
#define FAULTLINE_CLI_TRY_IMPL(name, declaration, expression)                             \
  auto name = (expression);                                                               \
  if (!name) return ::tl::unexpected<::faultline::cli::Failure>(std::move(name).error()); \
  declaration = std::move(*name)
