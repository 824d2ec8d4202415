// One end of a capture. Its report holds the file itself, so that it travels like any other one.
#include <fmt/format.h>

#include "common/capture/pcapng.h"
#include "common/crypto/base64.h"
#include "probe/capture/recorder.h"
#include "probe/tester/parts.h"

namespace faultline::tester {
namespace {

Judgement judge(const capture::Recorded& recorded, const ondemand::TestOrder& order) {
  if (recorded.own == 0) {
    return {"inconclusive", "silent",
            fmt::format("nothing of this conversation with {} was seen",
                        order.target.address.to_string())};
  }
  if (recorded.full) {
    return {"ok", "limit",
            fmt::format("{} packets, and there was no room for more; ask for one flow, or fewer "
                        "seconds",
                        recorded.own)};
  }
  return {"ok", "captured", fmt::format("{} packets in {} s", recorded.own, order.seconds)};
}

}  // namespace

Result<Json> run_capture(const ondemand::TestOrder& order, const Route& route,
                         const RunContext& context) {
  FAULTLINE_TRY(
      const auto recorded,
      capture::record({.wanted = {.remote = order.target, .local_port = order.source_port},
                       .interface = route.interface,
                       .time = std::chrono::seconds{order.seconds},
                       .comment = fmt::format("faultline: {} with {}", route.source.to_string(),
                                              order.target.address.to_string())},
                      {.stop = context.stop, .progress = context.progress}));
  const auto judgement = judge(recorded, order);
  Json interfaces = Json::array();
  for (const auto& interface : recorded.file.interfaces) {
    interfaces.push_back({{"name", interface.name}});
  }
  return Json{{"means", "captured on this machine's interfaces"},
              {"outcome", judgement.outcome},
              {"verdict", judgement.verdict},
              {"summary", judgement.summary},
              {"remarks", Json::array()},
              {"packets", recorded.own},
              {"packets_of_others", recorded.file.frames.size() - recorded.own},
              {"packets_left_out", recorded.others_left_out},
              {"packets_dropped", recorded.dropped},
              {"interfaces", std::move(interfaces)},
              {"pcapng", crypto::to_base64(capture::to_pcapng(recorded.file))}};
}

}  // namespace faultline::tester
