// For the sources of this folder only: the body that each kind of receiver understands. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/notify/receiver.h"

namespace faultline::notify {

// The receiver's own words, or the alert's.
[[nodiscard]] std::string summary_of(const Receiver& receiver, const Alert& alert);
// At most `bytes_max` bytes, cut between characters of UTF-8 and ending in "...".
[[nodiscard]] std::string shortened(const std::string& text, std::size_t bytes_max);
// "leaf2>spine3, 98 % sure, 31 of 32 bad flows cross it, 0 of 210 good ones do"
[[nodiscard]] std::string evidence_sentence(const Alert& alert);
// "Give one of them another address. On h1: ip addr"; empty: the alert is about no finding.
[[nodiscard]] std::string remedy_sentence(const Alert& alert);
[[nodiscard]] std::string loss_sentence(const Alert& alert);  // empty without an estimate
// "racks r1, r2; zones east; VMs v3"; empty when none is known.
[[nodiscard]] std::string blast_sentence(const Alert& alert);
// "2026-11-22T02:59:50Z path h1>h5:4000: spine1 -> spine3", one each.
[[nodiscard]] std::vector<std::string> change_sentences(const Alert& alert);
// "adds 240 us (p95 900 us); passes 1400 bytes at most"; empty without an estimate.
[[nodiscard]] std::string harm_sentence(const Alert& alert);

// "confirmed: 0.71 -> 0.99 after 640 extra packets on leaf1>spine2"; empty where none were sent.
[[nodiscard]] std::string confirmation_sentence(const Alert& alert);

[[nodiscard]] std::string webhook_body(const Receiver& receiver, const Alert& alert,
                                       const std::string& body);
[[nodiscard]] std::string pagerduty_body(const Receiver& receiver, const Alert& alert);
[[nodiscard]] std::string slack_body(const Receiver& receiver, const Alert& alert);
[[nodiscard]] std::string alertmanager_body(const Receiver& receiver, const Alert& alert);

}  // namespace faultline::notify
