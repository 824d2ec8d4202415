// API tokens and audit records as JSON documents, as views_json.h has it. Never a token's hash.
#pragma once

#include <string>
#include <vector>

#include "controller/api/access_control.h"

namespace faultline::api {

[[nodiscard]] std::string api_tokens_json(const std::vector<access::ApiToken>& tokens);
[[nodiscard]] std::string new_api_token_json(const NewApiToken& token);
[[nodiscard]] std::string audit_json(const AuditList& list);

}  // namespace faultline::api
