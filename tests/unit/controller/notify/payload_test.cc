// Each payload against what its receiver publishes: PagerDuty's OpenAPI document of the Events API
// v2, Slack's reference of incoming webhooks and Block Kit, Alertmanager's OpenAPI document of API
// v2 and Prometheus' rules for names of labels.
#include <fstream>

#include "controller/notify/receiver.h"
#include "controller/notify/signature.h"
#include "tests/support/catch.h"
#include "tests/unit/controller/notify/alerts.h"
#include "tests/unit/controller/notify/json_rules.h"

namespace faultline::notify {
namespace {

const Json kPagerDutyEvent = Json::parse(R"({
  "type": "object", "required": ["routing_key", "event_action", "dedup_key", "payload"],
  "additionalProperties": false, "properties": {
    "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
    "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
    "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
    "client": {"type": "string"}, "client_url": {"type": "string"},
    "links": {"type": "array", "items": {"type": "object", "required": ["href"], "properties": {
      "href": {"type": "string"}, "text": {"type": "string"}}}},
    "payload": {"type": "object", "required": ["summary", "source", "severity"],
      "additionalProperties": false, "properties": {
      "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
      "source": {"type": "string", "minLength": 1},
      "severity": {"enum": ["critical", "error", "warning", "info"]},
      "timestamp": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$"},
      "component": {"type": "string"}, "group": {"type": "string"}, "class": {"type": "string"},
      "custom_details": {"type": "object"}}}}})");

const Json kSlackMessage = Json::parse(R"({
  "type": "object", "required": ["text", "blocks"], "additionalProperties": false, "properties": {
    "text": {"type": "string", "minLength": 1, "maxLength": 40000},
    "blocks": {"type": "array", "minItems": 1, "maxItems": 50, "items": {
      "type": "object", "required": ["type"], "additionalProperties": false, "properties": {
      "type": {"enum": ["section"]},
      "text": {"type": "object", "required": ["type", "text"], "properties": {
        "type": {"enum": ["mrkdwn", "plain_text"]},
        "text": {"type": "string", "minLength": 1, "maxLength": 3000}}},
      "fields": {"type": "array", "minItems": 1, "maxItems": 10, "items": {
        "type": "object", "required": ["type", "text"], "properties": {
        "type": {"enum": ["mrkdwn", "plain_text"]},
        "text": {"type": "string", "minLength": 1, "maxLength": 2000}}}}}}}}})");

const Json kPostableAlerts = Json::parse(R"({
  "type": "array", "minItems": 1, "items": {
    "type": "object", "required": ["labels"], "additionalProperties": false, "properties": {
      "labels": {"type": "object", "required": ["alertname"],
        "additionalProperties": {"type": "string", "minLength": 1}},
      "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
      "startsAt": {"type": "string", "pattern": "Z$"}, "endsAt": {"type": "string", "pattern": "Z$"},
      "generatorURL": {"type": "string"}}}})");

Receiver receiver(ReceiverKind kind) {
  Receiver receiver;
  receiver.name = "r";
  receiver.kind = kind;
  receiver.url = "http://receiver/x";
  receiver.secret = "0123456789abcdef0123456789abcdef";
  return receiver;
}

Request request_for(const Receiver& receiver, const Alert& alert) {
  return make_request(receiver, alert, alert_json(alert),
                      {.idempotency_key = idempotency_key(alert), .timestamp_s = 1'790'000'050});
}

Json body_for(const Receiver& receiver, const Alert& alert) {
  return Json::parse(request_for(receiver, alert).body);
}

std::vector<Alert> all_alerts() {
  Alert product = opened_alert();
  product.kind = kProductKind;
  product.loss.reset();
  product.affected_nodes.clear();
  return {opened_alert(),  acknowledged_alert(), resolved_alert(),
          hostile_alert(), finding_alert(),      product};
}

}  // namespace

TEST_CASE("every alert fits the schema that we publish, and survives its own form",
          "[notify][contract]") {
  std::ifstream file(FAULTLINE_ALERT_SCHEMA);
  const auto schema = Json::parse(file);
  auto alerts = all_alerts();
  alerts.emplace_back().summary = "nothing is known";  // all that may be null is
  alerts.back().incident = "i-1";
  for (const auto& alert : alerts) {
    CAPTURE(idempotency_key(alert));
    const auto body = alert_json(alert);
    CHECK(violations(schema, Json::parse(body)) == Violations{});
    CHECK(alert_json(alert_from_json(body).value()) == body);
    const auto document = Json::parse(body);
    for (const auto& [member, value] : document.items()) {
      CAPTURE(member);
      CHECK(schema["properties"].contains(member));  // nothing is undocumented
    }
  }
}

TEST_CASE("an alert of a finding says in every form what to do, and no loss", "[notify]") {
  for (const auto kind : {ReceiverKind::kWebhook, ReceiverKind::kPagerDuty, ReceiverKind::kSlack,
                          ReceiverKind::kAlertmanager}) {
    const auto body = request_for(receiver(kind), finding_alert()).body;
    CAPTURE(body);
    CHECK(body.find("Let both ends negotiate.") != std::string::npos);
    CHECK(body.find("ethtool eth0") != std::string::npos);
    CHECK(body.find("its neighbor runs full") != std::string::npos);
    CHECK(body.find("good ones do") == std::string::npos);
  }
}

TEST_CASE("every event fits PagerDuty's schema of the Events API v2", "[notify][contract]") {
  for (const auto& alert : all_alerts()) {
    CAPTURE(idempotency_key(alert));
    CHECK(violations(kPagerDutyEvent, body_for(receiver(ReceiverKind::kPagerDuty), alert)) ==
          Violations{});
  }
}

TEST_CASE("PagerDuty's alert is one per incident: triggered, updated and resolved by its key",
          "[notify]") {
  const auto pager = receiver(ReceiverKind::kPagerDuty);
  const auto trigger = body_for(pager, opened_alert());
  CHECK(trigger["event_action"] == "trigger");
  CHECK(trigger["payload"]["severity"] == "critical");
  CHECK(trigger["payload"]["summary"] == "link leaf2>spine3 loses 21 % of packets");
  CHECK(body_for(pager, hostile_alert())["event_action"] == "trigger");
  CHECK(body_for(pager, acknowledged_alert())["event_action"] == "acknowledge");
  CHECK(trigger["payload"]["custom_details"]["blast_radius"] == "racks r1, r2; zones east; VMs h5");
  CHECK(trigger["payload"]["custom_details"]["changes"] ==
        Json::array({"2026-09-21T14:13:10Z path h1>h5:4000: leaf2>spine1 -> leaf2>spine3"}));
  const auto resolve = body_for(pager, resolved_alert());
  CHECK(resolve["event_action"] == "resolve");
  CHECK(resolve["dedup_key"] == trigger["dedup_key"]);
}

TEST_CASE("every message fits Slack's limits", "[notify][contract]") {
  for (const auto& alert : all_alerts()) {
    CAPTURE(idempotency_key(alert));
    CHECK(violations(kSlackMessage, body_for(receiver(ReceiverKind::kSlack), alert)) ==
          Violations{});
  }
}

TEST_CASE("what an alert says cannot be Slack's markup", "[notify]") {
  auto alert = opened_alert();
  alert.summary = "<!channel> & <https://evil|click>";
  const auto text = body_for(receiver(ReceiverKind::kSlack), alert)["text"].get<std::string>();
  CHECK(text == ":red_circle: *opened*: &lt;!channel&gt; &amp; &lt;https://evil|click&gt;");
}

TEST_CASE("every push fits Alertmanager's schema of postable alerts", "[notify][contract]") {
  auto prometheus = receiver(ReceiverKind::kAlertmanager);
  prometheus.labels = {{"team", "network"}};
  for (const auto& alert : all_alerts()) {
    CAPTURE(idempotency_key(alert));
    const auto body = body_for(prometheus, alert);
    CHECK(violations(kPostableAlerts, body) == Violations{});
    for (const auto& postable : body) {
      CHECK(postable["labels"]["team"] == "network");
      CHECK(parse_rfc3339(postable["startsAt"].get<std::string>()) <=
            parse_rfc3339(postable["endsAt"].get<std::string>()));
    }
  }
}

TEST_CASE("Alertmanager's alert keeps its labels until it ends, and one of another severity ends",
          "[notify]") {
  const auto prometheus = receiver(ReceiverKind::kAlertmanager);
  auto milder = opened_alert();
  milder.event = AlertEvent::kUpdated;
  milder.severity = AlertSeverity::kWarning;
  const auto first = body_for(prometheus, opened_alert());
  const auto second = body_for(prometheus, milder);
  const auto last = body_for(prometheus, resolved_alert());
  const auto acknowledged = body_for(prometheus, acknowledged_alert());
  CHECK(acknowledged[0]["labels"] == first[0]["labels"]);
  CHECK(acknowledged[0]["endsAt"] == first[0]["endsAt"]);  // it stays
  CHECK(acknowledged[0]["annotations"]["acknowledged_by"] == "ada");
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 3);
  CHECK(second[0]["labels"]["severity"] == "warning");
  const auto ended = std::find_if(second.begin(), second.end(), [&](const Json& postable) {
    return postable["labels"] == first[0]["labels"];
  });
  REQUIRE(ended != second.end());
  CHECK((*ended)["endsAt"] == "2026-09-21T14:09:02Z");
  CHECK(last[0]["labels"] == first[0]["labels"]);
  CHECK(last[0]["endsAt"] == "2026-09-21T14:18:20Z");
  CHECK(request_for(prometheus, opened_alert()).url == "http://receiver/x/api/v2/alerts");
}

TEST_CASE("a webhook and a program get the alert's own bytes, signed", "[notify]") {
  for (const auto kind : {ReceiverKind::kWebhook, ReceiverKind::kExec}) {
    const auto request = request_for(receiver(kind), opened_alert());
    CHECK(request.body == alert_json(opened_alert()));
    CHECK(std::ranges::count(request.headers, "X-Faultline-Idempotency-Key: i-42-1-opened") == 1);
    CHECK(std::ranges::count(request.headers, "X-Faultline-Signature: " +
                                                  signature(receiver(kind).secret, 1'790'000'050,
                                                            request.body)) == 1);
  }
}

TEST_CASE("a body in the operator's own words is JSON whatever the alert holds", "[notify]") {
  auto hook = receiver(ReceiverKind::kWebhook);
  hook.body = Template::parse(
                  R"({"title": "${severity} $$ ${summary}", "nodes": "${affected_nodes_total}"})")
                  .value();
  const auto body = body_for(hook, hostile_alert());
  CHECK(body["title"].get<std::string>().starts_with("critical $ \"<script>&\\ \n\t"));
  CHECK(body["nodes"] == "1000");
}

TEST_CASE("the same alert makes the same request at every attempt", "[notify]") {
  for (const auto kind : {ReceiverKind::kPagerDuty, ReceiverKind::kSlack,
                          ReceiverKind::kAlertmanager, ReceiverKind::kWebhook}) {
    const auto alert = hostile_alert();
    const auto again = alert_from_json(alert_json(alert)).value();
    CHECK(request_for(receiver(kind), again) == request_for(receiver(kind), again));
  }
}

TEST_CASE("an alert is read back as it was written, and an older one's gaps are filled",
          "[notify]") {
  CHECK(alert_from_json(alert_json(opened_alert())) == opened_alert());
  CHECK(alert_from_json(alert_json(resolved_alert())) == resolved_alert());
  auto old = Json::parse(alert_json(opened_alert()));
  for (const auto* key : {"sequence", "severity", "labels", "link"}) old.erase(key);
  const auto read = alert_from_json(old.dump());
  REQUIRE(read);
  CHECK(read->sequence == 1);
  CHECK(read->severity == AlertSeverity::kError);
  for (const auto* text : {"", "{}", "[]", R"({"event":"opened"})"}) {
    CAPTURE(text);
    CHECK_FALSE(alert_from_json(text));
  }
}

TEST_CASE("a secret is in no text that is shown", "[notify]") {
  CHECK(without_secrets("HTTP 403: bad key 0123456789abcdef\n", {"0123456789abcdef"}) ==
        "HTTP 403: bad key ***");
  CHECK(without_secrets(std::string(900, 'x'), {}).size() <= 200);
}

TEST_CASE("of a secret URL no server's answer tells a part", "[notify]") {
  const auto secrets = secrets_of_url(
      "https://me:pass1234@hooks.example/services/T0000/B0000AAAA0000/"
      "SECRETSECRET?key=abcdefabcdef");
  for (const auto* text :
       {"Cannot POST /services/T0000/B0000AAAA0000/SECRETSECRET?key=abcdefabcdef",
        "no channel SECRETSECRET", "bad key abcdefabcdef", "who is me:pass1234"}) {
    const auto shown = without_secrets(text, secrets);
    CHECK(shown.find("SECRETSECRET") == std::string::npos);
    CHECK(shown.find("abcdefabcdef") == std::string::npos);
    CHECK(shown.find("pass1234") == std::string::npos);
  }
  CHECK(without_secrets("HTTP 404: no such page", secrets) == "HTTP 404: no such page");
  CHECK(secrets_of_url("https://a.example").size() == 1);
}

}  // namespace faultline::notify
