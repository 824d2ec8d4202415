// The listening TCP socket of the API, and the names of who connects.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/model/address.h"

namespace faultline::api {

// "0.0.0.0:7443", "[::]:7443" (both families), "127.0.0.1:0" (any free port). kInvalid otherwise.
[[nodiscard]] Result<Endpoint> parse_listen_endpoint(const std::string& text);

// A bound, listening, non-blocking descriptor. kUnavailable when the address cannot be had.
[[nodiscard]] Result<int> listen_tcp(const Endpoint& endpoint);
// What it is bound to, with the port that the kernel chose.
[[nodiscard]] Endpoint local_endpoint(int descriptor);
// Who is connected; an IPv4 peer of an IPv6 socket has its IPv4 address.
[[nodiscard]] Endpoint peer_endpoint(int descriptor);

}  // namespace faultline::api
