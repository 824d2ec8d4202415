// AppBackend: answers the API from the published snapshot, the store's reads, and the loop.
//
// Thread safety: as api::Backend says; called from several query threads. Changes are handed to the
// loop as events and waited for, at most kChangeTimeout.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/async/published.h"
#include "common/model/ids.h"
#include "common/ondemand/order.h"
#include "controller/api/backend.h"
#include "controller/app/access_keeper.h"
#include "controller/app/queries.h"
#include "controller/app/snapshot.h"
#include "controller/app/trial_run.h"
#include "controller/core/events.h"
#include "controller/diagnose/inputs.h"
#include "controller/store/rocks_store.h"

namespace faultline::app {

inline constexpr Duration kChangeTimeout = std::chrono::seconds{10};
// Beyond what a receiver may take (kTimeoutMax of notify_config.cc).
inline constexpr Duration kTestTimeout = std::chrono::minutes{2} + std::chrono::seconds{5};
// For facts that nodes were asked for: then the diagnosis is made with what is kept.
inline constexpr Duration kFactsPatience = std::chrono::milliseconds{3000};
inline constexpr Duration kWitnessPatience = std::chrono::milliseconds{2000};
inline constexpr Duration kFactsFirstWithin = std::chrono::minutes{2};  // of joining
// From the question on, for the tests that a diagnosis has made; and from when they are ordered.
inline constexpr Duration kDiagnoseLife = std::chrono::milliseconds{4300};
inline constexpr Duration kTrialPatience = std::chrono::milliseconds{2000};
inline constexpr Duration kTrialLook = std::chrono::milliseconds{50};
inline constexpr Duration kStopCheck = std::chrono::milliseconds{100};
inline constexpr Duration kLocalizeSpanDefault = std::chrono::minutes{1};

class AppBackend : public api::Backend {
 public:
  struct Options {
    std::string version;
    std::vector<std::string> advertise;  // empty: nothing that a probe elsewhere could use
    std::filesystem::path data_dir;      // for the next key pair of the controller
    access::AuditLimits audit = {};
    std::filesystem::path config_file = {};  // to say what it would change; empty: nothing
    std::map<std::string, std::string> receiver_kinds = {};
  };
  // Hands a change to the loop; `set_request` puts the request's number into the event. The future
  // is ready once the change is durable.
  using Change = std::function<std::future<Status>(
      std::function<core::Event(std::uint64_t request)> make_event)>;
  using Metrics = std::function<std::string(const Snapshot&)>;

  // Commits documents that are not the core's (Shell::write).
  using Write = std::function<std::future<Status>(std::vector<store::LedgerWrite> writes)>;

  // Sends a test alert to a receiver; what it answered.
  using TestOutcome = Result<notify::DeliveryOutcome>;
  using Test = std::function<std::future<TestOutcome>(std::string, notify::AlertEvent)>;

  AppBackend(Options options, store::RocksStore& store, const async::Published<Snapshot>& snapshots,
             Change change, Write write, Test test, Metrics metrics);

  // Before the API is served: the API tokens and the audit log.
  [[nodiscard]] Status load() { return access_.load(); }

  [[nodiscard]] std::string version() const override { return options_.version; }
  Result<api::StatusView> status() const override;
  Result<std::vector<api::NodeView>> nodes() const override;
  Result<api::NodeView> node(std::string_view name) const override;
  Result<std::string> check() const override;
  Result<std::string> facts_changes(std::string_view name, WallTime since) const override;
  Result<api::DiagnoseAnswer> diagnose(const api::DiagnoseRequest& request) const override;
  Result<std::string> facts(std::string_view name, std::optional<WallTime> at) const override;
  Result<std::vector<api::TokenView>> tokens() const override;
  Result<api::TrustView> trust() const override;
  Result<api::MatrixView> matrix(const api::MatrixRequest& request) const override;
  Result<api::LocalizeAnswer> localize(const api::LocalizeRequest& request) const override;
  Result<api::PathView> path(std::string_view src, std::string_view dst) const override;
  Result<api::HistoryView> history(std::string_view src, std::string_view dst,
                                   const api::HistoryRequest& request) const override;
  Result<api::SloView> slo(const api::SloRequest& request) const override;
  Result<std::vector<api::IncidentView>> incidents(api::IncidentFilter filter,
                                                   std::optional<Duration> since) const override;
  Result<api::IncidentView> incident(std::string_view id) const override;
  Result<api::IncidentView> act_on_incident(std::string_view id,
                                            const api::IncidentActionRequest& request) override;
  Result<api::SilencesView> silences(api::SilenceFilter filter) const override;
  Result<incident::Silence> add_silence(incident::SilenceRequest request) override;
  Result<incident::Silence> end_silence(std::string_view id, std::string_view by) override;
  Result<api::ChangesView> changes(Duration since) const override;
  Result<api::AnomaliesView> anomalies() const override;
  Result<api::TopologyView> topology(std::optional<WallTime> at) const override;
  Result<plan::PlanReport> plan() const override;
  Result<plan::NodePlanReport> node_plan(std::string_view name) const override;
  Result<plan::CoverageReport> plan_coverage() const override;
  Result<plan::BudgetReport> plan_budget() const override;
  Result<plan::DifferenceReport> plan_difference() const override;
  Status bundle(Duration since, const api::TextSink& sink) const override;
  Status export_results(const api::ExportRequest& request,
                        const api::TextSink& sink) const override;
  Result<std::string> metrics() const override;

  Result<api::AlertsView> alerts() const override;
  Result<api::AlertTestView> test_receiver(std::string_view name, bool resolve) override;

  Result<api::OrderedTestView> order_test(std::string_view node, const std::string& body,
                                          bool watched) override;
  Result<api::OrderedTestView> ordered_test(std::string_view id) const override;
  Result<api::OrderedTestView> end_test(std::string_view id) override;
  Result<api::StandingTestsView> standing_tests(std::string_view name) const override;

  Result<api::NewToken> create_token(const api::TokenRequest& request) override;
  Status remove_token(std::string_view id) override;
  Result<api::NodeView> add_node(const api::NodeRequest& request) override;
  Status remove_node(std::string_view name) override;
  Result<api::RekeyView> rekey_node(std::string_view name) override;
  Result<api::RekeyView> rekey_controller(bool force) override;
  AccessKeeper& access_control() override { return access_; }
  Result<std::string> create_checkpoint() override;

  // On any thread: ends what waits or reads with kUnavailable, so that the process can end.
  void stop() { stopping_ = true; }

 private:
  // Of a moment that is asked about: kInvalid in the future, kNotFound before the first raw window.
  [[nodiscard]] Status check_stored(WallTime at, WallTime now) const;
  [[nodiscard]] Status wait_durable(std::future<Status> done) const;
  Status change(std::function<core::Event(std::uint64_t request)> make_event) const;
  [[nodiscard]] Result<std::string> full_id(store::Table table, std::string_view id) const;
  [[nodiscard]] Result<incident::Silence> silence(const std::string& id) const;
  [[nodiscard]] Result<ondemand::TestOrder> complete_order(const Snapshot& snapshot,
                                                           const api::NodeView& node,
                                                           nlohmann::json order) const;
  // Orders it from the node: its number. Any thread.
  [[nodiscard]] Result<std::uint64_t> begin_test(std::string_view node, const std::string& body,
                                                 bool watched) const;
  [[nodiscard]] Status check_capture(const Snapshot& snapshot, const api::NodeView& node,
                                     const api::NodeView* to,
                                     const ondemand::TestOrder& order) const;
  [[nodiscard]] std::optional<core::OrderedTest> look_at_test(std::uint64_t number) const;
  // Until all are over, at most until kDiagnoseLife from `began`.
  void wait_for(TrialRun& trials, Instant began) const;
  // Asks both ends and the witnesses (diagnose/witnesses.h), those that live, for their facts as
  // they are now, and waits for them, at most kFactsPatience. Who did not answer.
  std::set<std::string> refresh_facts(const Snapshot& snapshot,
                                      const diagnose::Inputs& known) const;
  [[nodiscard]] Result<std::pair<NodeId, NodeId>> pair(const Snapshot& snapshot,
                                                       std::string_view src,
                                                       std::string_view dst) const;

  Options options_;
  store::RocksStore& store_;
  std::atomic<bool> stopping_ = false;
  Queries queries_;
  const async::Published<Snapshot>& snapshots_;
  Change change_;
  Test test_;
  Metrics metrics_;
  AccessKeeper access_;
};

}  // namespace faultline::app
