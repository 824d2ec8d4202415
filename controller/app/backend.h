// AppBackend: answers the API from the published snapshot, the store's reads, and the loop.
//
// Thread safety: as api::Backend says; called from several query threads. Changes are handed to the
// loop as events and waited for, at most kChangeTimeout.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "common/async/published.h"
#include "common/model/ids.h"
#include "controller/api/backend.h"
#include "controller/app/queries.h"
#include "controller/app/snapshot.h"
#include "controller/core/events.h"
#include "controller/store/rocks_store.h"

namespace faultline::app {

inline constexpr Duration kChangeTimeout = std::chrono::seconds{10};
inline constexpr Duration kStopCheck = std::chrono::milliseconds{100};
inline constexpr Duration kLocalizeSpanDefault = std::chrono::minutes{1};

class AppBackend : public api::Backend {
 public:
  struct Options {
    std::string version;
    std::vector<std::string> advertise;  // empty: nothing that a probe elsewhere could use
    PublicKey controller_key;
  };
  // Hands a change to the loop; `set_request` puts the request's number into the event. The future
  // is ready once the change is durable.
  using Change = std::function<std::future<Status>(
      std::function<core::Event(std::uint64_t request)> make_event)>;
  using Metrics = std::function<std::string(const Snapshot&)>;

  AppBackend(Options options, store::RocksStore& store, const async::Published<Snapshot>& snapshots,
             Change change, Metrics metrics);

  [[nodiscard]] std::string version() const override { return options_.version; }
  Result<api::StatusView> status() const override;
  Result<std::vector<api::NodeView>> nodes() const override;
  Result<api::NodeView> node(std::string_view name) const override;
  Result<std::vector<api::TokenView>> tokens() const override;
  Result<api::MatrixView> matrix(const api::MatrixRequest& request) const override;
  Result<api::LocalizeAnswer> localize(const api::LocalizeRequest& request) const override;
  Result<api::PathView> path(std::string_view src, std::string_view dst) const override;
  Result<api::HistoryView> history(std::string_view src, std::string_view dst,
                                   const api::HistoryRequest& request) const override;
  Result<std::vector<api::IncidentView>> incidents(api::IncidentFilter filter) const override;
  Result<api::IncidentView> incident(std::string_view id) const override;
  Result<api::TopologyView> topology() const override;
  Status bundle(Duration since, const api::TextSink& sink) const override;
  Result<std::string> metrics() const override;

  Result<api::NewToken> create_token(const api::TokenRequest& request) override;
  Status remove_token(std::string_view id) override;
  Status remove_node(std::string_view name) override;
  Result<std::string> create_checkpoint() override;

  // On any thread: ends what waits or reads with kUnavailable, so that the process can end.
  void stop() { stopping_ = true; }

 private:
  Status change(std::function<core::Event(std::uint64_t request)> make_event) const;
  [[nodiscard]] Result<std::pair<NodeId, NodeId>> pair(const Snapshot& snapshot,
                                                       std::string_view src,
                                                       std::string_view dst) const;

  Options options_;
  store::RocksStore& store_;
  std::atomic<bool> stopping_ = false;
  Queries queries_;
  const async::Published<Snapshot>& snapshots_;
  Change change_;
  Metrics metrics_;
};

}  // namespace faultline::app
