// Receiver: somebody who takes alerts, and Request: what is sent to him.
//
// Why it exists: PagerDuty, Slack, Alertmanager, a script and a webhook of one's own want the same
// alert in five forms. Each form is one pure function from the alert to the request (payload_*.cc);
// the sender knows of none of them.
//
//   Receiver + alert + Attempt --make_request()--> Request --Sender--> DeliveryOutcome
//
// Secrets are put in at the last moment, so that neither the ledger nor a backup holds one; whoever
// shows a text from outside passes it through without_secrets(). Thread safety: pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "controller/notify/alert.h"
#include "controller/notify/template.h"

namespace faultline::notify {

enum class ReceiverKind : std::uint8_t { kWebhook, kPagerDuty, kSlack, kAlertmanager, kExec };
[[nodiscard]] std::string_view to_string(ReceiverKind kind);

// Events API v2; other regions and tests have another.
inline constexpr std::string_view kPagerDutyUrl = "https://events.pagerduty.com/v2/enqueue";

struct Receiver {
  std::string name;
  ReceiverKind kind = ReceiverKind::kWebhook;
  std::string url;                   // Alertmanager: its root; Slack: a secret in itself
  std::string secret;                // webhook: signs the body; PagerDuty: the routing key
  std::string token;                 // of Authorization: Bearer; empty: none
  std::string ca_file;               // PEM of the authorities to trust; empty: the system's
  std::vector<std::string> command;  // exec only; the program is an absolute path
  Duration timeout = std::chrono::seconds{15};  // of one attempt
  std::map<std::string, std::string> labels;    // Alertmanager: on every alert
  std::optional<Template> summary;              // in place of the alert's own sentence
  std::optional<Template> body;                 // webhook: in place of faultline.alert/1
};

// One attempt: an HTTP POST, or a program that gets the body on stdin.
struct Request {
  std::string url;                   // empty: `command` is run
  std::vector<std::string> command;  // argv, without a shell
  std::vector<std::string> headers;  // "Name: value"; a program gets them as variables
  std::string body;
  std::string ca_file;
  Duration timeout = std::chrono::seconds{15};  // for the whole exchange
  std::vector<std::string> secrets;             // that no message may show

  bool operator==(const Request&) const = default;
};

struct Attempt {
  std::string idempotency_key;
  std::int64_t timestamp_s = 0;  // Unix time
};

// `body` is alert_json() of `alert`, as the outbox holds it.
[[nodiscard]] Request make_request(const Receiver& receiver, const Alert& alert,
                                   const std::string& body, const Attempt& attempt);

// The alert that `faultline alert test` sends; its incident is the same at every test.
[[nodiscard]] Alert test_alert(const Receiver& receiver, AlertEvent event, WallTime now);

// What of a URL may be a secret: the whole of it, and long parts of its path, query and user, which
// servers like to quote.
[[nodiscard]] std::vector<std::string> secrets_of_url(std::string_view url);

// `text` with every secret of the request, and what is not printable, replaced; cut to a line.
[[nodiscard]] std::string without_secrets(std::string_view text,
                                          const std::vector<std::string>& secrets);

}  // namespace faultline::notify
