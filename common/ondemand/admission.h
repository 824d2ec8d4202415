// Admission: "answer this member's tests for a while", which goes to a node before another one is
// ordered a test of it by STAMP.
//
// Why it exists: a reflector answers the peers of its plan and whom its own configuration allows;
// in a large fleet most members are neither, and a test of one by another would come to nothing for
// that reason alone. It travels as the order of a TestRequest: the request's lease is how long, its
// number is the test's, so that kEndOrder ends both. Answered by a TestProgress that is done. A
// probe that does not know it refuses it like any order.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/model/address.h"

namespace faultline::ondemand {

struct Admission {
  // Of the member: its tests come from this address, and this port is its own reflector's, so that
  // two reflectors cannot be made to answer each other.
  Endpoint reflector{};

  bool operator==(const Admission&) const = default;
};

// {"kind": "admit", "source": "192.0.2.1", "port": 862}
[[nodiscard]] std::string to_json_text(const Admission& admission);
// Empty: it is another order, or not well formed.
[[nodiscard]] std::optional<Admission> admission_from_json(std::string_view text);

}  // namespace faultline::ondemand
