#include "controller/api/tls_keeper.h"

#include <utility>

#include "common/async/offload.h"
#include "common/obs/log.h"

namespace faultline::api {

namespace asio = async::asio;

TlsKeeper::TlsKeeper(asio::io_context& loop, TlsFiles files, TlsIdentity identity,
                     Duration check_interval, async::Worker& worker, HttpServerCounters& counters)
    : files_(std::move(files)),
      check_interval_(check_interval),
      identity_(std::move(identity)),
      worker_(worker),
      counters_(counters),
      tried_(stamp_of(files_)),
      wake_(loop) {
  counters_.tls_expires.set(static_cast<double>(unix_seconds(identity_.expires_at)));
}

void TlsKeeper::reload() {
  asked_ = true;
  wake_.cancel();
}

async::awaitable<void> TlsKeeper::watch() {
  auto before = tried_;
  while (true) {  // until the task is cancelled
    wake_.expires_after(check_interval_);
    async::error_code ignored;
    if (!asked_) co_await wake_.async_wait(asio::redirect_error(async::use_awaitable, ignored));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
    auto look = [files = files_]() -> Result<std::optional<TlsStamp>> { return stamp_of(files); };
    const auto looked = co_await async::offload(worker_, std::move(look));
    if (!looked) {  // the worker is busy: as if something had changed, next time
      asked_ = false;
      tried_.reset();
      continue;
    }
    const auto& now = *looked;
    const bool renewed = now && now != tried_ && now == before;  // and both files kept still
    before = now;
    if (!asked_ && !renewed) continue;
    asked_ = false;
    tried_ = now;
    co_await load();
  }
}

async::awaitable<void> TlsKeeper::load() {
  auto job = [files = files_] { return load_tls_identity(files); };
  auto loaded = co_await async::offload(worker_, std::move(job));
  if (!loaded) {
    counters_.tls_reload_failures.add();
    obs::log_error("api", "{}; the certificate in use, valid until {}, stays in use",
                   loaded.error().context, format_rfc3339(identity_.expires_at));
    co_return;
  }
  identity_ = *std::move(loaded);
  counters_.tls_reloads.add();
  counters_.tls_expires.set(static_cast<double>(unix_seconds(identity_.expires_at)));
  obs::log_info("api", "new connections get the certificate that is valid until {}",
                format_rfc3339(identity_.expires_at));
}

}  // namespace faultline::api
