// A Backend with fixed answers: a small fabric on which link leaf2>spine3 loses 2 %.
// The server calls it on other threads, so tests set its knobs before they start the server.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "controller/api/backend.h"
#include "tests/integration/controller/api/fake_abnormal.h"
#include "tests/integration/controller/api/fake_access_control.h"
#include "tests/integration/controller/api/fake_answers.h"
#include "tests/integration/controller/api/fake_incidents.h"
#include "tests/integration/controller/api/fake_reach.h"

namespace faultline::api {

class FakeBackend : public Backend {
 public:
  StatusView status_view = fake_status();
  localize::Verdict verdict = fake_verdict();
  std::vector<IncidentView> incident_list{fake_incident()};
  std::size_t bundle_lines = 3;
  Status bundle_end = {};
  std::optional<Error> error;           // all queries fail with it
  std::function<void()> before_answer;  // runs on the query thread
  FakeAccessControl access;

  [[nodiscard]] std::string version() const override { return "0.1.0"; }
  Result<StatusView> status() const override { return answer(status_view); }

  Result<std::vector<NodeView>> nodes() const override {
    return answer(std::vector{node_named("h1"), node_named("h9")});
  }
  Result<NodeView> node(std::string_view name) const override {
    if (name != "h1" && name != "h9") return not_found("node", name);
    return answer(node_named(std::string{name}));
  }
  Result<std::string> facts(std::string_view name, std::optional<WallTime> /*at*/) const override {
    return answer(fmt::format(
        R"({{"schema":"faultline.facts/1","node":"{}","collected_at":"2026-11-22T03:00:00Z"}})",
        name));
  }
  Result<std::string> facts_changes(std::string_view name, WallTime since) const override {
    return answer(fmt::format(
        R"({{"schema":"faultline.facts_changes/1","node":"{}","since":"{}","oldest_kept":"2026-11-22T02:00:00Z","steps":[{{"at":"2026-11-22T03:00:00Z","changes":[{{"what":"interfaces eth0 mtu","before":"1500","after":"1400"}}]}}]}})",
        name, format_rfc3339(since)));
  }
  Result<DiagnoseAnswer> diagnose(const DiagnoseRequest& request) const override {
    FAULTLINE_TRY(auto document, diagnosis(request));
    DiagnoseAnswer told{.document = std::move(document)};
    if (request.tests) told.tests = {fmt::format("{} to {}: icmp", request.a, request.b)};
    return told;
  }
  Result<std::string> diagnosis(const DiagnoseRequest& request) const {
    if (request.inputs) {
      return answer(fmt::format(
          R"({{"schema":"faultline.diagnosis_inputs/1","question":{{"at":"2026-11-22T03:00:00Z"}},"a":{{"name":"{}"}},"b":{{"name":"{}"}}}})",
          request.a, request.b));
    }
    return answer(fmt::format(
        R"({{"schema":"faultline.diagnosis/1","a":{{"name":"{}"}},"b":{{"name":"{}"}},"asked":{{"port":{}}},"symptoms":[],"verdict":{{"code":"healthy","level":"ok","sentence":"the network is fine"}},"layers":[{{"layer":"prober","level":"ok","checks":[]}}],"findings":[]}})",
        request.a, request.b, request.port ? std::to_string(*request.port) : "null"));
  }
  Result<std::string> check() const override {
    return answer(std::string(
        R"({"schema":"faultline.check/1","nodes":["h1"],"nodes_without_facts":[],"findings_total":0,"groups":[],"findings":[]})"));
  }
  Result<std::vector<TokenView>> tokens() const override {
    return answer(std::vector<TokenView>{token_view()});
  }

  Result<TrustView> trust() const override {
    TrustView view;
    view.controller_keys = {{std::string(64, 'a'), "current", kFakeNow},
                            {std::string(64, 'b'), "next", kFakeNow}};
    view.acknowledged = 1;
    view.missing = {"h9"};
    view.nodes = {{.name = "h1",
                   .state = "live",
                   .how = "token",
                   .since = kFakeNow,
                   .keys = {{std::string(64, '1'), "current", kFakeNow},
                            {std::string(64, '2'), "next", std::nullopt}},
                   .rekey_asked = true,
                   .knows_controller_keys = true},
                  {.name = "h9",
                   .state = "joined",
                   .how = "pre-placed",
                   .since = kFakeNow,
                   .keys = {{std::string(64, '9'), "current", kFakeNow}}}};
    view.tokens = {token_view()};
    return answer(view);
  }

  Result<MatrixView> matrix(const MatrixRequest& request) const override {
    remember("matrix at=" + (request.at ? format_rfc3339(*request.at) : "-") +
             " since=" + format_duration(request.since));
    MatrixView view;
    view.by = request.by;
    view.from = kFakeNow - std::chrono::seconds{10};
    view.to = kFakeNow;
    view.groups = {"rack1", "rack2"};
    const MatrixCell good{.flows = 4,
                          .sent = 40,
                          .lost = 0,
                          .undetermined = 0,
                          .rtt_p50_us = 210.5,
                          .rtt_p99_us = 900};
    const MatrixCell bad{
        .flows = 4, .sent = 42, .lost = 1, .undetermined = 2, .rtt_p50_us = 212, .rtt_p99_us = {}};
    view.cells = {bad, good, good};
    view.numbers = {0, 1, 2, 3};
    return answer(view);
  }

  Result<LocalizeAnswer> localize(const LocalizeRequest& request) const override {
    remember("localize at=" + (request.at ? format_rfc3339(*request.at) : "-") +
             " since=" + (request.since ? format_duration(*request.since) : "-"));
    return answer(LocalizeAnswer{verdict, 1.5, kFakeNow});
  }

  Result<PathView> path(std::string_view src, std::string_view dst) const override {
    if (dst == "nowhere") return not_found("node", dst);
    FlowPathView flow;
    flow.source_port = 50'000;
    flow.forward_path = TracedPathView{
        true,
        kFakeNow,
        {hop("10.0.1.2", "h1"), hop("10.0.1.1", "leaf1"), {}, hop("10.0.9.2", "h9")}};
    flow.return_path =
        TracedPathView{false, kFakeNow, {hop("10.0.9.2", "h9"), hop("10.0.9.1", {})}};
    flow.measured = Measured{.sent = 10,
                             .lost_forward = 1,
                             .lost_return = 0,
                             .lost_undetermined = 0,
                             .rtt_min_us = 180,
                             .rtt_mean_us = 205.2,
                             .rtt_max_us = 400};
    return answer(PathView{std::string{src}, std::string{dst}, kFakeNow, {flow}});
  }

  Result<HistoryView> history(std::string_view src, std::string_view dst,
                              const HistoryRequest& request) const override {
    remember("history since=" + format_duration(request.since));
    HistoryView view{std::string{src}, std::string{dst}, std::chrono::seconds{10}, {}, false};
    for (const int second : {0, 10, 50}) {
      HistoryRow row;
      row.window_start = kFakeNow + std::chrono::seconds{second - 100};
      row.flows = 2;
      row.measured = {.sent = 20,
                      .lost_forward = second == 10 ? 2U : 0U,
                      .lost_return = 0,
                      .lost_undetermined = 0,
                      .rtt_min_us = 180,
                      .rtt_mean_us = 200,
                      .rtt_max_us = 420};
      row.rtt_p50_us = 199;
      view.rows.push_back(row);
    }
    return answer(view);
  }

  Result<SloView> slo(const SloRequest& request) const override {
    remember("slo since=" + format_duration(request.since));
    SloView view;
    view.by = request.by;
    view.from = kFakeNow - request.since;
    view.to = kFakeNow;
    view.all.group = "all";
    view.all.pair_minutes = 1000;
    view.all.pair_minutes_bad = 1;
    view.all.availability = 0.999;
    view.rows = {view.all};
    view.rows.front().group = "z1";
    return view;
  }
  Result<std::vector<IncidentView>> incidents(IncidentFilter filter,
                                              std::optional<Duration> since) const override {
    if (since) remember("incidents since=" + format_duration(*since));
    if (filter == IncidentFilter::kResolved) return answer(std::vector<IncidentView>{});
    return answer(incident_list);
  }
  Result<IncidentView> incident(std::string_view id) const override {
    if (id != "i-42") return not_found("incident", id);
    return answer(fake_incident());
  }
  Result<IncidentView> act_on_incident(std::string_view id,
                                       const IncidentActionRequest& request) override {
    if (id != "i-42") return not_found("incident", id);
    auto incident = fake_incident();
    if (request.action == IncidentAction::kAcknowledge) {
      incident.state = "acknowledged";
      incident.acknowledged_at = kFakeNow;
      incident.acknowledged_by = request.by;
    } else if (request.action == IncidentAction::kResolve) {
      incident.state = "resolved";
      incident.resolved_at = kFakeNow;
      incident.resolution = "by " + request.by + ": " + request.text;
    } else {
      incident.events.push_back(
          {.at = kFakeNow, .what = "note", .text = request.text, .by = request.by});
    }
    return answer(incident);
  }
  Result<SilencesView> silences(SilenceFilter) const override {
    return answer(SilencesView{.generated_at = kFakeNow, .silences = {fake_silence()}});
  }
  Result<incident::Silence> add_silence(incident::SilenceRequest request) override {
    auto silence = fake_silence();
    silence.kind = request.kind;
    silence.selector = std::move(request.selector);
    silence.author = std::move(request.author);
    silence.comment = std::move(request.comment);
    silence.ends_at = request.ends_at;
    return answer(silence);
  }
  Result<incident::Silence> end_silence(std::string_view id, std::string_view by) override {
    if (id != "m-1f0c5a9b") return not_found("silence", id);
    auto silence = fake_silence();
    silence.ended_by = by;
    return answer(silence);
  }

  Result<TopologyView> topology(std::optional<WallTime>) const override {
    return answer(TopologyView{
        "inventory and traces",
        {{"leaf2", "switch", "leaf", {"10.0.2.1"}}, {"spine3", "switch", "spine", {"10.0.3.1"}}},
        {{"leaf2>spine3", "leaf2", "spine3", 31}, {"spine3>leaf2", "spine3", "leaf2", 30}}});
  }

  Result<plan::PlanReport> plan() const override {
    plan::PlanReport report{.revision = PlanRevision{5}};
    report.summary.reduced = {"5 instead of 8 flows per pair: a node may track at most 512 flows"};
    report.nodes = {fake_plan_of("h1"), fake_plan_of("h9")};
    return answer(report);
  }
  Result<plan::NodePlanReport> node_plan(std::string_view name) const override {
    if (name != "h1" && name != "h9") return not_found("node", name);
    return answer(plan::NodePlanReport{.node = fake_plan_of(std::string{name}),
                                       .flow_interval = std::chrono::seconds{1},
                                       .targets = {{"h9", {40'000, 40'001}}}});
  }
  Result<plan::CoverageReport> plan_coverage() const override { return answer(fake_coverage()); }
  Result<plan::BudgetReport> plan_budget() const override {
    return answer(plan::BudgetReport{.revision = PlanRevision{5},
                                     .flow_interval = std::chrono::seconds{1},
                                     .nodes = {{.name = "h1", .budget = {.peers = 1, .flows = 2}}},
                                     .links = fake_coverage()});
  }
  Result<plan::DifferenceReport> plan_difference() const override {
    plan::DifferenceReport report{.config_file = "controller.yaml"};
    report.plans.nodes_with_new_plan = 1;
    report.plans.nodes = {{.name = "h1", .flows_kept = 2, .flows_added = 1}};
    report.uncovered_after = {"spine3>leaf2"};
    return answer(report);
  }

  Status bundle(Duration since, const TextSink& sink) const override {
    remember("bundle since=" + format_duration(since));
    for (std::size_t i = 0; i < bundle_lines; ++i) {
      const auto sent = sink("{\"line\":" + std::to_string(i) + "}\n");
      if (!sent) {
        ++bundles_abandoned;
        return sent;
      }
    }
    return bundle_end;
  }

  Status export_results(const ExportRequest& request, const TextSink& sink) const override {
    const std::array rows{"windows", "minutes", "hours"};
    remember(std::string("export ") + rows.at(static_cast<std::size_t>(request.rows)) + " src=" +
             request.src + " dst=" + request.dst + " since=" + format_duration(request.since));
    FAULTLINE_TRY_STATUS(sink("one\n"));
    return sink("two\n");
  }

  Result<std::string> metrics() const override {
    return answer(
        std::string{"# TYPE faultline_batches counter\nfaultline_batches_total 5\n# EOF\n"});
  }

  Result<NewToken> create_token(const TokenRequest& request) override {
    if (request.node == "h1") return fail(ErrorCode::kConflict, "a node named h1 exists already");
    auto view = token_view();
    view.node = request.node;
    view.labels = request.labels;
    if (request.lifetime) view.expires_at = view.created_at + *request.lifetime;
    return answer(NewToken{view, "flt1.secret"});
  }
  Status remove_token(std::string_view id) override {
    return id == "t1" ? Status{} : fail(ErrorCode::kNotFound, "no such token");
  }
  Result<NodeView> add_node(const NodeRequest& request) override {
    if (request.name == "h1") return fail(ErrorCode::kConflict, "a node named h1 exists");
    auto node = node_named(request.name);
    node.key = to_string(request.key);
    node.labels = request.labels;
    return answer(node);
  }
  Result<RekeyView> rekey_node(std::string_view name) override {
    if (name != "h1") return not_found("node", name);
    return answer(RekeyView{.kind = "node", .name = "h1", .state = "asked", .missing = {}});
  }
  Result<RekeyView> rekey_controller(bool force) override {
    return answer(RekeyView{.kind = "controller",
                            .name = std::string(64, 'b'),
                            .state = force ? "changed" : "announced",
                            .missing = {"h9"}});
  }
  Status remove_node(std::string_view name) override {
    if (name == "h9") return fail(ErrorCode::kDenied, "h9 is protected");
    return name == "h1" ? Status{} : not_found("node", name);
  }

  Result<ChangesView> changes(Duration since) const override {
    return answer(fake_changes(kFakeNow, since));
  }
  Result<AnomaliesView> anomalies() const override { return answer(fake_anomalies(kFakeNow)); }

  Result<AlertsView> alerts() const override {
    const AlertView alert{.id = 7,
                          .receiver = "pager",
                          .incident = "i-1",
                          .event = "opened",
                          .severity = "critical",
                          .summary = "link leaf1>spine2 loses 2 %",
                          .created_at = kFakeNow,
                          .attempts = 3,
                          .last_error = "HTTP 503"};
    AlertsView view;
    view.receivers.push_back({.name = "pager",
                              .kind = "pagerduty",
                              .waiting = 1,
                              .in_flight = false,
                              .oldest_at = kFakeNow,
                              .next_at = kFakeNow + std::chrono::minutes{1},
                              .attempts = 3,
                              .last_error = "HTTP 503",
                              .delivered = 12,
                              .delivered_at = kFakeNow});
    view.waiting = {alert};
    view.dead = {alert};
    view.troubles = {"outbox_stuck:pager"};
    return answer(view);
  }
  Result<AlertTestView> test_receiver(std::string_view name, bool resolve) override {
    if (name != "pager" && name != "down") return not_found("receiver", name);
    return answer(AlertTestView{.receiver = std::string(name),
                                .event = resolve ? "resolved" : "opened",
                                .delivered = name == "pager",
                                .answer = name == "pager" ? "HTTP 202" : "HTTP 503",
                                .took_ms = 12.5});
  }

  // One at a time; while `tests_last` a test has no end but by end_test(), or as nobody asks for
  // it.
  std::atomic<bool> tests_last = false;
  std::atomic<int> tests_ordered = 0;
  std::atomic<int> tests_watched = 0;
  std::atomic<int> tests_ended = 0;
  Result<OrderedTestView> end_test(std::string_view id) override {
    if (id != "00000000000000aa") return not_found("test", id);
    ++tests_ended;
    return answer(OrderedTestView{
        .id = std::string(id), .node = "h1", .target = "h9", .state = TestState::kFailed});
  }
  Result<OrderedTestView> order_test(std::string_view node, const std::string& body,
                                     bool watched) override {
    if (node != "h1" && node != "h9") return not_found("node", node);
    ++tests_ordered;
    tests_watched += watched ? 1 : 0;
    const bool is_mtu = body.find("\"kind\":\"mtu\"") != std::string::npos;
    if (is_mtu && body.find("\"method\":\"stamp\"") == std::string::npos) {
      return fail(ErrorCode::kConflict, "the probe of h1 is too old to be ordered a test");
    }
    return answer(OrderedTestView{.id = "00000000000000aa",
                                  .node = std::string(node),
                                  .target = "h9",
                                  .ordered_at = kFakeNow,
                                  .text = "ordered"});
  }
  Result<StandingTestsView> standing_tests(std::string_view name) const override {
    if (!name.empty() && name != "ssh") return not_found("standing test", name);
    StandingTestsView view{.generated_at = kFakeNow, .asked = std::string(name)};
    view.tests.push_back({.name = "ssh",
                          .what = "port 22 by tcp",
                          .from = "rack=r1",
                          .to = "rack=r2",
                          .every = std::chrono::minutes{10},
                          .severity = "warning",
                          .pairs_left_out = 3,
                          .pairs_failing = 1});
    view.tests.back().pairs = {{.from = "h1",
                                .to = "h9",
                                .outcome = "fault",
                                .verdict = "refused",
                                .summary = "192.0.2.9 says: connection refused",
                                .at = kFakeNow,
                                .since = kFakeNow - std::chrono::minutes{20},
                                .runs = 3,
                                .failing = true},
                               {.from = "h2", .to = "h9", .outcome = "none"}};
    return answer(std::move(view));
  }
  Result<OrderedTestView> ordered_test(std::string_view id) const override {
    if (id != "00000000000000aa") return not_found("test", id);
    if (tests_last) {
      return answer(OrderedTestView{.id = std::string(id), .node = "h1", .target = "h9"});
    }
    return answer(OrderedTestView{
        .id = std::string(id),
        .node = "h1",
        .target = "h9",
        .ordered_at = kFakeNow,
        .state = TestState::kDone,
        .report = std::make_shared<const std::string>(
            R"({"schema":"faultline.test/1","kind":"ping","outcome":"fault","verdict":"loss",)"
            R"("summary":"2 of 5 were lost","source":"192.0.2.1","target":"192.0.2.9","pings":[]})")});
  }

  AccessControl& access_control() override { return access; }
  Result<std::string> create_checkpoint() override {
    return answer(std::string("/data/checkpoint"));
  }

  // What the last request asked for, in words.
  [[nodiscard]] std::string asked() const {
    const std::lock_guard lock{mutex_};
    return asked_;
  }
  mutable std::atomic<int> bundles_abandoned = 0;

 private:
  static tl::unexpected<Error> not_found(std::string_view what, std::string_view name) {
    return fail(ErrorCode::kNotFound, "no " + std::string{what} + " named " + std::string{name});
  }
  static HopView hop(std::string address, std::optional<std::string> device) {
    return HopView{std::move(address), std::move(device), std::nullopt};
  }
  static TokenView token_view() {
    return TokenView{
        "t1", std::nullopt, kFakeNow, kFakeNow + std::chrono::hours{24}, {{"rack", "r17"}}};
  }
  static NodeView node_named(const std::string& name) {
    NodeView node;
    node.id = name == "h1" ? 1 : 9;
    node.name = name;
    node.state = name == "h1" ? NodeState::kLive : NodeState::kSilent;
    node.labels = {{"rack", "rack1"}};
    node.address = "10.0.1.2";
    node.software = "faultline-probe 0.1.0";
    node.last_seen = kFakeNow - std::chrono::seconds{3};
    node.plan_revision = 7;
    node.spool_batches = 0;
    if (name == "h9") node.reach = fake_reach();
    return node;
  }
  void remember(std::string text) const {
    const std::lock_guard lock{mutex_};
    asked_ = std::move(text);
  }
  template <typename T>
  Result<T> answer(T value) const {
    if (before_answer) before_answer();
    if (error) return tl::unexpected(*error);
    return value;
  }

  mutable std::mutex mutex_;
  mutable std::string asked_;
};

}  // namespace faultline::api
