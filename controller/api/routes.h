// Routes: one HTTP request -> one answer, without sockets.
//
// Why it exists: what the API means can be read, tested and compared with openapi.yaml here; the
// server only moves bytes. The table in routes.cc is the list of all there is.
//
// Input is untrusted: unknown routes, methods, query parameters and malformed values are refused
// with an error document that names them. Thread safety: handle() is called from any query thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/access/role.h"
#include "controller/api/backend.h"

namespace faultline::api {

struct Request {
  std::string method;  // "GET"
  std::string target;  // "/api/v1/matrix?by=node"
  std::string body;
  access::Principal caller = {};  // who asks; authorize() decides whether he may (gate.h)
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::string allow = {};    // methods, for a 405
  std::string subject = {};  // what was changed or caused, for the audit log; empty: as the route
  // Set for long answers: writes the body in pieces instead. An Error before the first piece is
  // sent as an error document; after it, the connection is cut so that the reader notices.
  std::function<Status(const TextSink&)> stream = {};
};

// "GET /api/v1/nodes/{name}", and who may.
struct RouteName {
  std::string_view method;
  std::string_view pattern;
  access::Role role = access::Role::kAdmin;
};
[[nodiscard]] std::vector<RouteName> all_routes();

// Which route a request takes, before it takes it. For one that has none: the target as it is, and
// the role that the method suggests (admin for what might change something).
struct RouteOf {
  std::string pattern;
  std::string subject;  // the {..} segments, separated by blanks
  access::Role role = access::Role::kAdmin;
  bool quick = false;  // the backend's published snapshot has the answer, so that it comes at once
};
[[nodiscard]] RouteOf route_of(const Request& request);

// True for requests that change something: they are audited, and carried out one after the other.
[[nodiscard]] bool is_mutation(std::string_view method);

[[nodiscard]] Response handle(const Request& request, Backend& backend);
[[nodiscard]] Response error_response(const Error& error);

}  // namespace faultline::api
