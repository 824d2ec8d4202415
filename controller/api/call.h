// For the sources of the routes only: one request matched to its route, and how answers are made.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/api/backend.h"
#include "controller/api/routes.h"

namespace faultline::api {

using Parameters = std::map<std::string, std::string>;

struct Call {
  std::vector<std::string> captured;  // the {..} segments in order
  const Parameters& query;
  const std::string& body;
  Backend& backend;
  const access::Principal& caller;
};

[[nodiscard]] inline Response json_response(std::string body) {
  return Response{.body = std::move(body)};
}

// The answer as a document, or the error.
template <typename View>
[[nodiscard]] Response respond(const Result<View>& view, std::string (*render)(const View&)) {
  return view ? json_response(render(*view)) : error_response(view.error());
}

}  // namespace faultline::api
