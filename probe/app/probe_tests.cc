// Probe's tests on order of the controller.
#include <utility>

#include "common/async/clock.h"
#include "common/ondemand/admission.h"
#include "common/ondemand/order_json.h"
#include "probe/app/probe.h"

namespace faultline::probe_app {

// From any thread.
void Probe::tell_test_news(TestProgress progress) {
  async::asio::post(loop_, [this, progress = std::move(progress)]() mutable {
    step(probe_core::TestNews{std::move(progress)});
  });
}

bool Probe::order_test(const TestRequest& request) {
  if (const auto admission = ondemand::admission_from_json(request.order)) {
    const session::Guest guest{.test = request.test,
                               .reflector = admission->reflector,
                               .until = async::now_instant() + request.lease};
    if (!engine_->post(engine::AdmitGuest{guest})) return false;
    // The engine takes it before any packet that is sent because of this answer can be here.
    tell_test_news({.test = request.test, .state = TestState::kDone, .report = "{}"});
    return true;
  }
  if (request.order == ondemand::kEndOrder) {
    // A full queue: the guest goes at the end of its lease.
    static_cast<void>(engine_->post(engine::DismissGuest{request.test}));
  }
  if (!desk_) {
    desk_ = std::make_unique<tester::Desk>(
        [this](TestProgress progress) { tell_test_news(std::move(progress)); });
  }
  return desk_->order(request);
}

}  // namespace faultline::probe_app
