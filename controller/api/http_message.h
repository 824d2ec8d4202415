// For http_server.cc only (Boost.Beast compiles once): requests and answers as HTTP messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http.hpp>

#include "controller/api/routes.h"

namespace faultline::api {

namespace beast = boost::beast;
namespace http = beast::http;

using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

inline constexpr const char* kServerName = "faultline-controller";

// What a request that is not one gets, or nothing when the peer just left.
inline std::optional<Response> response_to(const boost::system::error_code& error) {
  const auto refuse = [](unsigned status, const char* message) {
    auto response = error_response({ErrorCode::kInvalid, message});
    response.status = status;
    return response;
  };
  if (error == http::error::body_limit) return refuse(413, "the request body is too large");
  if (error == http::error::header_limit) return refuse(431, "the request header is too large");
  if (error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return refuse(400, "this is not an HTTP/1.1 request");
  }
  return std::nullopt;
}

// What follows "Authorization: Bearer"; empty when there is no such header.
inline std::string bearer_token(const HttpRequest& message) {
  constexpr std::string_view kScheme = "bearer ";
  const auto value = message[http::field::authorization];
  if (value.size() <= kScheme.size() ||
      !beast::iequals(value.substr(0, kScheme.size()), {kScheme.data(), kScheme.size()})) {
    return {};
  }
  return std::string(value.substr(kScheme.size()));
}

inline Request request_of(HttpRequest message) {
  return {.method = std::string{message.method_string()},
          .target = std::string{message.target()},
          .body = std::move(message.body())};
}

inline HttpResponse message_of(Response response, bool keep_alive) {
  HttpResponse message{http::int_to_status(response.status), 11};
  message.set(http::field::server, kServerName);
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  if (!response.allow.empty()) message.set(http::field::allow, response.allow);
  if (response.status == 401) {
    message.set(http::field::www_authenticate, "Bearer realm=\"faultline\"");
  }
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

inline http::response<http::empty_body> chunked_head(const Response& response, bool keep_alive) {
  http::response<http::empty_body> head{http::status::ok, 11};
  head.set(http::field::server, kServerName);
  head.set(http::field::content_type, response.content_type);
  head.chunked(true);
  head.keep_alive(keep_alive);
  return head;
}

}  // namespace faultline::api
