#include "common/model/control.h"

namespace faultline {

std::string_view to_string(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kUnknownKey:
      return "unknown_key";
    case RefusalReason::kTokenSpent:
      return "token_spent";
    case RefusalReason::kProtocolVersion:
      return "protocol_version";
    case RefusalReason::kMalformed:
      return "malformed";
    case RefusalReason::kNameTaken:
      return "name_taken";
    case RefusalReason::kOverloaded:
      return "overloaded";
  }
  return "unknown";
}

}  // namespace faultline
