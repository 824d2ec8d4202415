#include <fmt/format.h>

#include "common/async/clock.h"
#include "probe/ping/direction.h"
#include "probe/tester/parts.h"
#include "probe/tester/pinger.h"

namespace faultline::tester {
namespace {

using ping::Outcome;
using ping::Totals;

class Heard final : public AnswerSink {
 public:
  Heard(ping::Series& series, ping::Directions& directions)
      : series_(series), directions_(directions) {}
  void on_answer(const ping::Answer& answer) override {
    directions_.heard(answer);
    series_.answer(answer, async::now_instant());
  }

 private:
  ping::Series& series_;
  ping::Directions& directions_;
};

std::string note_of(const ping::Series& series, Outcome outcome) {
  for (const auto& ping : series.pings()) {
    if (ping.outcome == outcome && !ping.answer.note.empty()) return ping.answer.note;
  }
  return std::string(to_string(outcome));
}

std::string by_whom(const ping::Series& series, Outcome outcome) {
  for (const auto& ping : series.pings()) {
    if (ping.outcome == outcome && ping.answer.from) return ping.answer.from->to_string();
  }
  return "this machine";
}

// The answer that most pings got names the state of a port; a ping's state is its loss.
Judgement judge_silence(const ping::Series& series, const Totals& totals) {
  const auto told = [&](Outcome outcome, std::string_view verdict) {
    return Judgement{
        "fault", verdict,
        fmt::format("{} says: {}", by_whom(series, outcome), note_of(series, outcome))};
  };
  if (totals.refused > 0) return told(Outcome::kRefused, "refused");
  if (totals.filtered > 0) return told(Outcome::kFiltered, "filtered");
  if (totals.too_big > 0) return told(Outcome::kTooBig, "too-big");
  if (totals.looped > 0) return told(Outcome::kLoop, "loop");
  if (totals.unreachable > 0) return told(Outcome::kUnreachable, "unreachable");
  if (totals.sent == 0) {
    return {"inconclusive", "not-sent",
            fmt::format("nothing could be sent: {}", note_of(series, Outcome::kNotSent))};
  }
  return {"fault", "timeout",
          fmt::format("none of {} packets was answered, and nobody says why: lost, or dropped by "
                      "a filter that does not answer",
                      totals.sent)};
}

Judgement judge(const ondemand::TestOrder& order, const ping::Series& series,
                const Totals& totals) {
  if (totals.answered == 0) return judge_silence(series, totals);
  const bool port =
      order.method == ondemand::Method::kTcp || order.method == ondemand::Method::kQuic;
  const auto good = port ? "open" : "answered";
  if (totals.answered == totals.sent && totals.not_sent == 0 && totals.retransmits == 0) {
    auto text = fmt::format("{} of {} answered", totals.answered, totals.sent);
    if (port) text += ": " + note_of(series, Outcome::kAnswered);
    return {"ok", good, text};
  }
  auto text = fmt::format("{} of {} answered", totals.answered, totals.sent + totals.not_sent);
  if (totals.retransmits > 0)
    text += fmt::format(", {} SYNs had to be repeated", totals.retransmits);
  return {"fault", "lossy", text};
}

Json to_json(const ping::Series& series) {
  Json pings = Json::array();
  for (std::size_t i = 0; i < series.pings().size(); ++i) {
    const auto& ping = series.pings()[i];
    const auto& answer = ping.answer;
    Json row{
        {"sequence", i}, {"outcome", to_string(ping.outcome)}, {"rtt_us", microseconds(ping.rtt)}};
    row["from"] = address_or_null(answer.from);
    row["ttl"] = answer.ttl == 0 ? Json(nullptr) : Json(answer.ttl);
    row["dscp_there"] = answer.dscp_there ? Json(*answer.dscp_there) : Json(nullptr);
    row["dscp_back"] = answer.dscp_back ? Json(*answer.dscp_back) : Json(nullptr);
    row["note"] = answer.note.empty() ? Json(nullptr) : Json(answer.note);
    pings.push_back(std::move(row));
  }
  return pings;
}

// What became of the DSCP: the far end's word where it has one.
Json remarks_on_dscp(const ondemand::TestOrder& order, const ping::Series& series) {
  Json remarks = Json::array();
  for (const auto& ping : series.pings()) {
    const auto& there = ping.answer.dscp_there;
    if (ping.outcome != Outcome::kAnswered) continue;
    if (there && *there != order.dscp) {
      remarks.push_back({{"kind", "dscp-rewritten"},
                         {"text", fmt::format("sent with DSCP {}, the far end received {}",
                                              order.dscp, *there)}});
    } else if (!there && ping.answer.dscp_back && order.dscp != 0 &&
               *ping.answer.dscp_back != order.dscp) {
      remarks.push_back({{"kind", "dscp-differs"},
                         {"text", fmt::format("sent with DSCP {}, the answer came with {}: "
                                              "rewritten on the way, or not copied by the target",
                                              order.dscp, *ping.answer.dscp_back)}});
    } else {
      continue;
    }
    break;
  }
  return remarks;
}

Json report(const ondemand::TestOrder& order, const Pinger& pinger, const ping::Series& series,
            const std::optional<session::Loss>& loss) {
  const auto totals = series.totals();
  const auto judgement = judge(order, series, totals);
  return {{"means", pinger.means()},
          {"outcome", judgement.outcome},
          {"verdict", judgement.verdict},
          {"summary", judgement.summary},
          {"size", order.size == 0 ? Json(nullptr) : Json(order.size)},
          {"dscp", order.dscp},
          {"sent", totals.sent},
          {"answered", totals.answered},
          {"refused", totals.refused},
          {"filtered", totals.filtered},
          {"unreachable", totals.unreachable},
          {"too_big", totals.too_big},
          {"lost", totals.lost},
          {"late", totals.late},
          {"duplicates", totals.duplicates},
          {"not_sent", totals.not_sent},
          {"retransmits", totals.retransmits},
          {"loss_ratio", ratio_or_null(totals.sent - totals.answered, totals.sent)},
          {"lost_forward", loss ? Json(loss->forward) : Json(nullptr)},
          {"lost_return", loss ? Json(loss->returning) : Json(nullptr)},
          {"lost_undetermined", loss ? Json(loss->undetermined) : Json(nullptr)},
          {"rtt_us_min", microseconds(totals.rtt_min)},
          {"rtt_us_median", microseconds(totals.rtt_median)},
          {"rtt_us_mean", microseconds(totals.rtt_mean)},
          {"rtt_us_max", microseconds(totals.rtt_max)},
          {"remarks", remarks_on_dscp(order, series)},
          {"pings", to_json(series)}};
}

}  // namespace

Result<Json> run_ping(const ondemand::TestOrder& order, const RunContext& context) {
  FAULTLINE_TRY(const auto pinger, open_pinger(order));
  ping::Series series({.count = order.count, .interval = order.interval, .timeout = order.timeout});
  ping::Directions directions(order.count);
  Heard heard(series, directions);
  ProgressMeter meter(context);
  const auto deadline = async::now_instant() + life_of(order);
  while (!series.done() && !context.stop.stop_requested()) {
    auto now = async::now_instant();
    if (now >= deadline) break;
    if (const auto sequence = series.due(now)) {
      if (const auto sent = pinger->send(*sequence)) {
        series.sent(now);
      } else {
        series.not_sent(now, sent.error().context);
      }
    }
    wait_for(pinger->fd(), series.next_event());
    pinger->receive(heard);
    now = async::now_instant();
    (void)series.expire(now);
    meter.say(now, [&] {
      const auto totals = series.totals();
      return fmt::format("{} of {} sent, {} answered", totals.sent, order.count, totals.answered);
    });
  }
  return report(order, *pinger, series, directions.loss(series));
}

}  // namespace faultline::tester
