// Backend: all that the API asks of the controller, in domain values.
//
// Why it exists: the HTTP server, its routes and the JSON know nothing of the core, and the tests
// of API and CLI run against a fake one.
//
// Thread safety: every function is called from the API's query threads, possibly at once, and never
// from the loop; those that change something from one thread, one after the other. Implementations
// answer from immutable snapshots and the store's own thread-safe reads; what changes something
// hands the change to the loop and waits for it to be durable, for a bounded time.
//
// Errors: kNotFound, kConflict, kDenied, kInvalid, kLimit, kUnavailable become 404, 409, 403, 400,
// 429, 503; anything else 500. The context is shown to the operator.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "controller/api/abnormal_views.h"
#include "controller/api/access_control.h"
#include "controller/api/slo.h"
#include "controller/api/standing_views.h"
#include "controller/api/test_views.h"
#include "controller/api/views.h"
#include "controller/localize/localizer.h"
#include "controller/plan/reports.h"

namespace faultline::api {

struct LocalizeRequest {
  std::optional<WallTime> at;     // end of the horizon; empty: the window last judged
  std::optional<Duration> since;  // its length; empty: the controller's default horizon
};

struct LocalizeAnswer {
  localize::Verdict verdict;
  std::optional<double> solve_ms;
  std::optional<WallTime> judged_until;  // end of what was judged; empty: nothing was yet
};

// Takes a piece of a long answer. After an Error (the reader went away) the producer may stop, and
// whatever it still writes is discarded.
using TextSink = std::function<Status(std::string_view)>;

// Why can A not talk to B? Names of nodes, or addresses.
struct DiagnoseRequest {
  std::string a{};
  std::string b{};
  std::optional<std::uint16_t> port{};  // a service at B
  std::string protocol = "tcp";
  std::optional<WallTime> at{};  // empty: now, and live nodes are asked for their facts first
  bool inputs = false;           // what it is made of, instead of the answer
  bool tests = false;            // what is left open, the two ends may test
  std::string untried{};         // why they may not, for people; empty: nobody asked for it
};

struct DiagnoseAnswer {
  std::string document{};            // "faultline.diagnosis/1", or "faultline.diagnosis_inputs/1"
  std::vector<std::string> tests{};  // that it had nodes make: "h1 to h4: icmp"
};

class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string version() const = 0;
  virtual Result<StatusView> status() const = 0;
  virtual Result<std::vector<NodeView>> nodes() const = 0;  // by name
  virtual Result<NodeView> node(std::string_view name) const = 0;
  // The document "faultline.facts/1" with the node's name, as of `at` or the newest.
  virtual Result<std::string> facts(std::string_view name, std::optional<WallTime> at) const = 0;
  // The document "faultline.check/1": what is wrong between the facts of all nodes.
  virtual Result<std::string> check() const = 0;
  // The document "faultline.facts_changes/1": what changed on the node since then.
  virtual Result<std::string> facts_changes(std::string_view name, WallTime since) const = 0;
  // Waits for nodes, some seconds.
  virtual Result<DiagnoseAnswer> diagnose(const DiagnoseRequest& request) const = 0;
  virtual Result<std::vector<TokenView>> tokens() const = 0;  // unspent, oldest first
  virtual Result<TrustView> trust() const = 0;
  virtual Result<MatrixView> matrix(const MatrixRequest& request) const = 0;
  virtual Result<LocalizeAnswer> localize(const LocalizeRequest& request) const = 0;
  virtual Result<PathView> path(std::string_view src, std::string_view dst) const = 0;
  virtual Result<HistoryView> history(std::string_view src, std::string_view dst,
                                      const HistoryRequest& request) const = 0;
  virtual Result<SloView> slo(const SloRequest& request) const = 0;
  // Newest first, at most kIncidentsListedMax, without their events; with `since` only those
  // that were open at some time within so long before now.
  virtual Result<std::vector<IncidentView>> incidents(IncidentFilter filter,
                                                      std::optional<Duration> since) const = 0;
  virtual Result<IncidentView> incident(std::string_view id) const = 0;
  virtual Result<IncidentView> act_on_incident(std::string_view id,
                                               const IncidentActionRequest& request) = 0;
  virtual Result<SilencesView> silences(SilenceFilter filter) const = 0;
  // The request's id is given by the backend.
  virtual Result<incident::Silence> add_silence(incident::SilenceRequest request) = 0;
  // It is over from now on.
  virtual Result<incident::Silence> end_silence(std::string_view id, std::string_view by) = 0;
  // What changed since then, newest first, at most kChangesListedMax.
  virtual Result<ChangesView> changes(Duration since) const = 0;
  // What is abnormal in the window last judged, pair by pair.
  virtual Result<AnomaliesView> anomalies() const = 0;
  // As it is, or as it was traced and told at `at`; the nodes are those of now.
  virtual Result<TopologyView> topology(std::optional<WallTime> at) const = 0;
  // The plans in force, by their numbers and by node.
  virtual Result<plan::PlanReport> plan() const = 0;
  virtual Result<plan::NodePlanReport> node_plan(std::string_view name) const = 0;
  // What they see, tell apart and detect over the paths known now, and what they cost.
  virtual Result<plan::CoverageReport> plan_coverage() const = 0;
  virtual Result<plan::BudgetReport> plan_budget() const = 0;
  // What the configuration and the inventory on the controller's disk would change.
  virtual Result<plan::DifferenceReport> plan_difference() const = 0;
  // The bundle of schemas/bundle.md for the last `since`, in pieces of any size.
  virtual Status bundle(Duration since, const TextSink& sink) const = 0;
  // Rows of export_text.h, in pieces of any size; what it holds does not grow with the interval.
  virtual Status export_results(const ExportRequest& request, const TextSink& sink) const = 0;
  // OpenMetrics text, complete with "# EOF".
  virtual Result<std::string> metrics() const = 0;

  // Alerts that are on their way or were given up, and who gets them.
  virtual Result<AlertsView> alerts() const = 0;
  // Sends a test alert to a receiver, or the end of one, and waits for what it answers.
  virtual Result<AlertTestView> test_receiver(std::string_view name, bool resolve) = 0;

  // Orders a test from a node: `body` is a JSON object, the members of common/ondemand/order_json.h
  // with a node's name or an address as target. Returns when the order has left. A `watched` test
  // is ended when nobody has asked for it for ten seconds.
  virtual Result<OrderedTestView> order_test(std::string_view node, const std::string& body,
                                             bool watched) = 0;
  virtual Result<OrderedTestView> ordered_test(std::string_view id) const = 0;
  // Ends it now; one that is over stays as it is.
  virtual Result<OrderedTestView> end_test(std::string_view id) = 0;
  // The tests of the configuration, or the one of this name.
  virtual Result<StandingTestsView> standing_tests(std::string_view name) const = 0;

  virtual Result<NewToken> create_token(const TokenRequest& request) = 0;
  virtual Status remove_token(std::string_view id) = 0;
  virtual Result<NodeView> add_node(const NodeRequest& request) = 0;
  virtual Status remove_node(std::string_view name) = 0;
  virtual Result<RekeyView> rekey_node(std::string_view name) = 0;
  // Begins the change of the controller's key, or, with `force`, ends the one that is under way.
  virtual Result<RekeyView> rekey_controller(bool force) = 0;

  // Who may use all this, and the log of who changed what.
  virtual AccessControl& access_control() = 0;
  // A copy of the store for a backup; returns the directory. Who asked removes it. kConflict where
  // there is one already.
  virtual Result<std::string> create_checkpoint() = 0;
};

}  // namespace faultline::api
