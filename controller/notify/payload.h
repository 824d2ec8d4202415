// For the sources of this folder only: the body that each kind of receiver understands. Pure.
#pragma once

#include <string>

#include "controller/notify/receiver.h"

namespace faultline::notify {

// The receiver's own words, or the alert's.
[[nodiscard]] std::string summary_of(const Receiver& receiver, const Alert& alert);
// At most `bytes_max` bytes, cut between characters of UTF-8 and ending in "...".
[[nodiscard]] std::string shortened(const std::string& text, std::size_t bytes_max);
// "leaf2>spine3, 98 % sure, 31 of 32 bad flows cross it, 0 of 210 good ones do"
[[nodiscard]] std::string evidence_sentence(const Alert& alert);
[[nodiscard]] std::string loss_sentence(const Alert& alert);  // empty without an estimate

[[nodiscard]] std::string webhook_body(const Receiver& receiver, const Alert& alert,
                                       const std::string& body);
[[nodiscard]] std::string pagerduty_body(const Receiver& receiver, const Alert& alert);
[[nodiscard]] std::string slack_body(const Receiver& receiver, const Alert& alert);
[[nodiscard]] std::string alertmanager_body(const Receiver& receiver, const Alert& alert);

}  // namespace faultline::notify
