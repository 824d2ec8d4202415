// Where the API token comes from that goes with every request over https.
#pragma once

#include <string>

#include "controller/cli/failure.h"

namespace faultline::cli {

// The token in `file`; where that is empty, `token` itself (the environment's); both empty: none.
// A usage failure for a file that cannot be read or that others can read, and for what is no token.
// The failure never repeats the token.
[[nodiscard]] Outcome<std::string> read_api_token(const std::string& file,
                                                  const std::string& token);

}  // namespace faultline::cli
