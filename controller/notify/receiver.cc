#include "controller/notify/receiver.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/notify/payload.h"
#include "controller/notify/signature.h"

namespace faultline::notify {
namespace {

constexpr std::size_t kShownBytesMax = 200;
constexpr std::size_t kSecretBytesMasked = 6;  // shorter ones would mask ordinary words

std::string payload(const Receiver& receiver, const Alert& alert, const std::string& body) {
  switch (receiver.kind) {
    case ReceiverKind::kWebhook:
      return webhook_body(receiver, alert, body);
    case ReceiverKind::kPagerDuty:
      return pagerduty_body(receiver, alert);
    case ReceiverKind::kSlack:
      return slack_body(receiver, alert);
    case ReceiverKind::kAlertmanager:
      return alertmanager_body(receiver, alert);
    case ReceiverKind::kExec:
      return body;
  }
  return body;
}

std::string url_of(const Receiver& receiver) {
  if (receiver.kind != ReceiverKind::kAlertmanager) return receiver.url;
  return receiver.url + (receiver.url.ends_with('/') ? "api/v2/alerts" : "/api/v2/alerts");
}

std::vector<std::string> headers_of(const Receiver& receiver, const Request& request,
                                    const Attempt& attempt) {
  std::vector<std::string> headers{"Content-Type: application/json"};
  if (!receiver.token.empty()) headers.push_back("Authorization: Bearer " + receiver.token);
  if (receiver.kind != ReceiverKind::kWebhook && receiver.kind != ReceiverKind::kExec) {
    return headers;
  }
  headers.push_back(fmt::format("X-Faultline-Timestamp: {}", attempt.timestamp_s));
  headers.push_back(fmt::format("X-Faultline-Idempotency-Key: {}", attempt.idempotency_key));
  if (!receiver.secret.empty()) {
    headers.push_back(fmt::format("X-Faultline-Signature: {}",
                                  signature(receiver.secret, attempt.timestamp_s, request.body)));
  }
  return headers;
}

}  // namespace

std::string_view to_string(ReceiverKind kind) {
  switch (kind) {
    case ReceiverKind::kWebhook:
      return "webhook";
    case ReceiverKind::kPagerDuty:
      return "pagerduty";
    case ReceiverKind::kSlack:
      return "slack";
    case ReceiverKind::kAlertmanager:
      return "alertmanager";
    case ReceiverKind::kExec:
      return "exec";
  }
  return "webhook";
}

Request make_request(const Receiver& receiver, const Alert& alert, const std::string& body,
                     const Attempt& attempt) {
  Request request{.url = url_of(receiver),
                  .command = receiver.command,
                  .headers = {},
                  .body = payload(receiver, alert, body),
                  .ca_file = receiver.ca_file,
                  .timeout = receiver.timeout,
                  .secrets = {}};
  request.headers = headers_of(receiver, request, attempt);
  for (const auto& secret : {receiver.secret, receiver.token}) {
    if (!secret.empty()) request.secrets.push_back(secret);
  }
  for (auto& secret : secrets_of_url(receiver.url)) request.secrets.push_back(std::move(secret));
  return request;
}

Alert test_alert(const Receiver& receiver, AlertEvent event, WallTime now) {
  Alert alert;
  alert.event = event;
  alert.incident = "test-" + receiver.name;
  // Grows from test to test: a receiver that remembers keys takes every one.
  alert.sequence = static_cast<std::uint32_t>(unix_seconds(now));
  alert.severity = AlertSeverity::kInfo;
  alert.kind = kProductKind;
  alert.component = "controller";
  alert.fault_class = "test";
  alert.posterior = 1;
  alert.since = now;
  if (event == AlertEvent::kResolved) alert.resolved_at = now;
  alert.summary = fmt::format("test of receiver {}: nothing is wrong", receiver.name);
  alert.generated_at = now;
  return alert;
}

std::vector<std::string> secrets_of_url(std::string_view url) {
  std::vector<std::string> secrets{std::string(url)};
  const auto begin = url.find("://");
  if (begin == std::string_view::npos) return secrets;
  const auto rest = url.substr(begin + 3);
  const auto path = rest.find('/');
  const auto user = rest.substr(0, path).rfind('@');
  if (user != std::string_view::npos) secrets.emplace_back(rest.substr(0, user));
  if (path == std::string_view::npos) return secrets;
  constexpr std::size_t kPartBytesMin = 12;  // shorter ones are words
  if (rest.size() - path >= kPartBytesMin) secrets.emplace_back(rest.substr(path));
  for (std::size_t at = path; at < rest.size();) {
    const auto end = std::min(rest.size(), rest.find_first_of("/?&=", at + 1));
    const auto part = rest.substr(at + 1, end - at - 1);
    if (part.size() >= kPartBytesMin) secrets.emplace_back(part);
    at = end;
  }
  return secrets;
}

std::string without_secrets(std::string_view text, const std::vector<std::string>& secrets) {
  std::string shown(text);
  for (const auto& secret : secrets) {
    if (secret.size() < kSecretBytesMasked) continue;
    for (auto at = shown.find(secret); at != std::string::npos; at = shown.find(secret, at + 3)) {
      shown.replace(at, secret.size(), "***");
    }
  }
  std::ranges::replace_if(
      shown, [](char character) { return character < ' ' || character > '~'; }, ' ');
  while (!shown.empty() && shown.back() == ' ') shown.pop_back();
  return shortened(shown, kShownBytesMax);
}

}  // namespace faultline::notify
