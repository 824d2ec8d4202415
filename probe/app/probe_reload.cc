// What a running probe does on SIGHUP; reload.h decides what takes effect.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/async/clock.h"
#include "common/obs/log.h"
#include "probe/app/probe.h"

namespace faultline::probe_app {

async::awaitable<void> Probe::wait_for_hangups(Probe& probe) {
  for (;;) {  // until the task is cancelled
    co_await probe.hangups_.async_wait(async::use_awaitable);
    probe.reporter_.reloading(async::now_instant());
    probe.reload();
    probe.reporter_.reloaded(judge(probe.health(), async::now_wall(), true).text);
  }
}

void Probe::reload() {
  const auto read = read_config_();
  if (!read) {
    obs::log_error("probe", "hangup: nothing is changed: {}", read.error().context);
    return;
  }
  const auto change = probe_app::reload(config_, *read);
  // Whichever of both levels says more: what becomes of the others is told before it is quiet.
  obs::set_log_level(std::min(config_.log.level, change.running.log.level));
  carry_out(change);
  if (!change.taken.empty()) {
    obs::log_info("probe", "hangup: taken into use: {}", fmt::join(change.taken, ", "));
  }
  if (!change.waiting.empty()) {
    obs::log_warning("probe", "hangup: takes effect at the next start: {}",
                     fmt::join(change.waiting, ", "));
  }
  if (change.taken.empty() && change.waiting.empty()) {
    obs::log_info("probe", "hangup: the configuration has not changed");
  }
  obs::set_log_level(config_.log.level);
}

void Probe::carry_out(const Reload& change) {
  auto strangers = std::exchange(config_, change.running).strangers;
  if (change.takes(kStrangersKey) && !engine_->post(engine::SetStrangers{config_.strangers})) {
    config_.strangers = std::move(strangers);  // so that the next hangup tries it again
    obs::log_error("probe", "the engine takes no commands: strangers are as they were");
  }
  if (change.takes(kSpoolSizeKey)) disk_.set_spool_size(config_.spool_size_max);
  if (change.takes(kLabelsKey)) step(probe_core::LabelsChanged{config_.profile.labels});
}

}  // namespace faultline::probe_app
