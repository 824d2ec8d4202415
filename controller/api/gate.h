// The gate before the routes: who may, and what is written down before and after.
//
// Why it exists: no route can forget to ask. The server calls these two for every request, and
// nothing else reaches handle(). Thread safety: deny() anywhere; carry_out() as its Backend says.
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/access/audit_record.h"
#include "controller/api/routes.h"

namespace faultline::api {

// Empty: `who` may. Else a 401 for nobody (who is the error) or a 403 that names the role needed.
[[nodiscard]] std::optional<Response> deny(const Request& request,
                                           const Result<access::Principal>& who);
// What the audit log says of such an attempt. `peer` is where it came from.
[[nodiscard]] access::AuditRecord denial_record(const Request& request,
                                                const Result<access::Principal>& who,
                                                std::string_view peer, WallTime now);

// What the audit log says of a question that had nodes send packets: `response.subject`, done.
[[nodiscard]] access::AuditRecord cause_record(const std::string& method, const RouteOf& route,
                                               const Response& response,
                                               const access::Principal& who, WallTime now);

// Answers a request that deny() let through. A change is recorded first, and refused with 503 when
// it cannot be; afterwards its outcome is.
[[nodiscard]] Response carry_out(const Request& request, Backend& backend, WallTime now);

}  // namespace faultline::api
