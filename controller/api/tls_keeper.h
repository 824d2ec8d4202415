// TlsKeeper: the identity in use, and its renewal.
//
// Why it exists: certificates are renewed while the controller runs, by tools that write two files
// one after the other. The files are looked at every `check_interval` and read again once they have
// changed and kept still for one interval, or at once on reload(). What cannot be used is logged
// and counted, once for each change, and the identity in use stays: an outage of the API would be
// worse than a certificate that is about to expire.
//
// Thread safety: none; it lives on the loop, and reads files on the worker. Lifetime: the worker
// and the counters outlive it; watch() is ended by its TaskGroup before it is destroyed.
#pragma once

#include <optional>

#include "common/async/asio.h"
#include "common/async/worker.h"
#include "controller/api/counters.h"
#include "controller/api/tls_identity.h"

namespace faultline::api {

class TlsKeeper {
 public:
  // `identity` was loaded from `files` at start.
  TlsKeeper(async::asio::io_context& loop, TlsFiles files, TlsIdentity identity,
            Duration check_interval, async::Worker& worker, HttpServerCounters& counters);

  // For the next handshake.
  [[nodiscard]] const TlsIdentity& identity() const { return identity_; }
  // Reads the files again, whether they changed or not; soon, not before it returns.
  void reload();
  // Until the task is cancelled.
  [[nodiscard]] async::awaitable<void> watch();

 private:
  [[nodiscard]] async::awaitable<void> load();

  const TlsFiles files_;
  const Duration check_interval_;
  TlsIdentity identity_;
  async::Worker& worker_;
  HttpServerCounters& counters_;
  std::optional<TlsStamp> tried_;  // what was last read, for better or worse
  bool asked_ = false;
  async::asio::steady_timer wake_;
};

}  // namespace faultline::api
