// For routes.cc only: incidents and what operators do to them, silences and maintenance windows, and
// what changed or is abnormal.
#pragma once

#include "controller/api/call.h"

namespace faultline::api {

[[nodiscard]] Response get_incidents(const Call& call);
[[nodiscard]] Response get_incident(const Call& call);
[[nodiscard]] Response get_changes(const Call& call);
[[nodiscard]] Response get_anomalies(const Call& call);
[[nodiscard]] Response post_acknowledge(const Call& call);
[[nodiscard]] Response post_resolve(const Call& call);
[[nodiscard]] Response post_note(const Call& call);
[[nodiscard]] Response get_silences(const Call& call);
[[nodiscard]] Response post_silence(const Call& call);
[[nodiscard]] Response delete_silence(const Call& call);

}  // namespace faultline::api
