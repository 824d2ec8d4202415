#include "controller/cli/name_argument.h"

#include <fmt/format.h>

#include "common/model/node.h"
#include "controller/cli/client.h"

namespace faultline::cli {

Outcome<std::string> name_segment(const char* what, const std::string& name) {
  const auto status = validate_name(name);
  if (!status) return usage(fmt::format("{}: {}", what, status.error().context));
  return url_encode(name);
}

}  // namespace faultline::cli
