// For routes.cc only: what the routes do by which operators act on incidents, and those of silences
// and maintenance windows.
#pragma once

#include "controller/api/call.h"

namespace faultline::api {

[[nodiscard]] Response post_acknowledge(const Call& call);
[[nodiscard]] Response post_resolve(const Call& call);
[[nodiscard]] Response post_note(const Call& call);
[[nodiscard]] Response get_silences(const Call& call);
[[nodiscard]] Response post_silence(const Call& call);
[[nodiscard]] Response delete_silence(const Call& call);

}  // namespace faultline::api
