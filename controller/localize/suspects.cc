#include "controller/localize/suspects.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "controller/localize/counsel.h"
#include "controller/localize/flow_names.h"
#include "controller/localize/slices.h"

namespace faultline::localize {
namespace {

// Above this share lost, everything is lost: the rest is what still was in flight.
constexpr double kDownMin = 0.95;
constexpr double kSickMin = 0.5;
// A loss beside a prober is the prober's own when it admits to at least this share of it.
constexpr double kAdmittedShare = 0.5;
// A group grows beyond kAmbiguousOdds until it holds this share of what the data allow, but by no
// member less likely than this.
constexpr double kGroupShare = 0.99;
constexpr double kLogGroupOddsMax = 4.605;  // 100 : 1
constexpr double kLogSame = 0.01;
// Flows looked through for one that tells a suspect from its group.
constexpr std::size_t kFlowsSearchedMax = 200'000;
constexpr std::size_t kAlternativesMax = 3;
constexpr double kLogAlternativeMax = 7;  // odds beyond 1000 : 1 are not worth naming
constexpr double kQuantile975 = 1.96;

double lost_share(double exponent) { return -std::expm1(-exponent); }

bool is_link(SuspectKind kind) { return kind <= SuspectKind::kCable; }

class Maker {
 public:
  Maker(const ObservationSet& set, const OnsetFinder& onsets, const Problem& problem,
        const ComponentTable& components, Selection& selection, const Finding& finding,
        const Tally& tally)
      : set_(set),
        onsets_(onsets),
        problem_(problem),
        components_(components),
        selection_(selection),
        finding_(finding),
        tally_(tally),
        lead_(finding.members.front()),
        choice_(selection.chosen()[lead_]) {}

  Suspect make() {
    suspect_.evidence = tally_.evidence;
    rate();
    classify();
    name();
    judge();
    counter();
    advise();
    return std::move(suspect_);
  }

 private:
  // The leading member stands for a device of parts; its interval spans all of them.
  void rate() {
    Score score = choice_.score;
    double low = score.exponent * std::exp(-kQuantile975 * score.log_width);
    double high = score.exponent * std::exp(kQuantile975 * score.log_width);
    if (finding_.of_parts) {
      std::vector<double> exponents;
      for (const std::size_t member : finding_.members) {
        const Score& part = selection_.chosen()[member].score;
        exponents.push_back(part.exponent);
        low = std::min(low, part.exponent * std::exp(-kQuantile975 * part.log_width));
        high = std::max(high, part.exponent * std::exp(kQuantile975 * part.log_width));
      }
      std::ranges::sort(exponents);
      score.exponent = exponents[exponents.size() / 2];
    }
    const auto onset =
        onsets_.find(selection_.likelihood(), finding_.links, choice_.score.exponents());
    double ratio = 1;
    if (onset) {
      suspect_.since_s = onset->since_s;
      suspect_.last_seen_s = onset->last_seen_s;
      suspect_.over = onset->over;
      // The share of flows that a black hole swallows does not depend on when it began.
      if (score.mode == FaultMode::kLoss) ratio = onset->rate_ratio;
    }
    suspect_.loss = std::min(1.0, ratio * lost_share(score.exponent));
    suspect_.loss_low = std::min(1.0, ratio * lost_share(low));
    suspect_.loss_high = std::min(1.0, ratio * lost_share(high));
    // All flows since the onset died: that is no black hole of some, though some had ended before.
    if (onset && score.mode == FaultMode::kDead && onset->lost_share >= kDownMin) {
      suspect_.loss = onset->lost_share;
      suspect_.loss_low = kDownMin;
      suspect_.loss_high = 1;
    }
  }

  void classify() {
    const bool dead = choice_.score.mode == FaultMode::kDead;
    admitting_ = find_admitting();
    if (admitting_ || selection_.sickness(choice_.component) >= kSickMin) {
      suspect_.fault_class = FaultClass::kSickHost;
    } else if (const auto limit = find_size_limit(tally_.sized_flows)) {
      suspect_.fault_class = FaultClass::kMtu;
      suspect_.mtu = limit->passes;
      suspect_.size_lost = limit->fails;
      suspect_.slice = "packets larger than " + std::to_string(limit->passes) + " bytes (" +
                       std::to_string(limit->large_bad_flows) + " of " +
                       std::to_string(limit->large_flows) + " flows of such)";
    } else if (suspect_.loss >= kDownMin) {
      suspect_.fault_class = FaultClass::kDown;
    } else if (dead) {
      suspect_.fault_class = FaultClass::kBlackhole;
      suspect_.slice = name_slice(set_, problem_, tally_.dead_flows, tally_.alive_flows);
    } else if (const auto dscp = find_dscp_class(tally_.classed_flows)) {
      only_class(*dscp);
    }
  }

  // A prober that cannot read its own packets fast enough loses what arrives, as its last link does
  // that is at fault; but it says so. What it names is of one window, the loss of a whole horizon.
  [[nodiscard]] std::optional<DeviceIndex> find_admitting() const {
    const ComponentName& name = components_.at(choice_.component).names.front();
    if (choice_.score.mode == FaultMode::kDead) return std::nullopt;
    std::vector<DeviceIndex> ends{DeviceIndex{name.index}};
    if (is_link(name.kind)) ends = {set_.links()[name.index].from, set_.links()[name.index].to};
    for (const ProbeHealth& health : set_.health()) {
      if (std::ranges::find(ends, health.node) == ends.end()) continue;
      if (health.sick >= kAdmittedShare * kSickPerLoss * suspect_.loss) return health.node;
    }
    return std::nullopt;
  }

  // The rate was estimated over the packets of all classes.
  void only_class(const DscpClass& dscp) {
    suspect_.slice = "dscp " + std::to_string(dscp.dscp) + " only (" +
                     std::to_string(dscp.bad_flows) + " of " + std::to_string(dscp.flows) +
                     " flows of it that cross)";
    suspect_.loss = std::min(1.0, suspect_.loss / dscp.share);
    suspect_.loss_low = std::min(1.0, suspect_.loss_low / dscp.share);
    suspect_.loss_high = std::min(1.0, suspect_.loss_high / dscp.share);
  }

  // A host that still sends since the fault began is not dead, so it is its cable that is down.
  [[nodiscard]] bool sends(std::uint32_t device) const {
    return std::ranges::any_of(set_.observations(), [&](const Observation& row) {
      const bool since =
          !suspect_.since_s || row.time_s == kNoTime || row.time_s > *suspect_.since_s;
      return row.src.value() == device && since;
    });
  }

  void name() {
    const auto all = components_.at(finding_.component).names;
    std::vector<ComponentName> names(all.begin(), all.end());
    const bool down = suspect_.fault_class == FaultClass::kDown;
    if (down && names.front().kind == SuspectKind::kHost && sends(names.front().index)) {
      std::ranges::stable_partition(names,
                                    [](const ComponentName& it) { return is_link(it.kind); });
    }
    suspect_.kind = names.front().kind;
    suspect_.id = components_.id(names.front());
    if (is_link(suspect_.kind)) {
      const Link& link = set_.links()[names.front().index];
      suspect_.from = set_.at(link.from).id;
      suspect_.to = set_.at(link.to).id;
    }
    for (std::size_t i = 1; i < names.size(); ++i) {
      suspect_.ambiguous_with.push_back(components_.id(names[i]));
    }
    if (admitting_ && is_link(suspect_.kind)) {
      suspect_.ambiguous_with.push_back(std::exchange(suspect_.id, set_.at(*admitting_).id));
      suspect_.kind = components_.kind_of(*admitting_);
      suspect_.from.clear();
      suspect_.to.clear();
    }
  }

  void judge() {
    if (finding_.of_parts) {
      suspect_.posterior = 1 / (1 + std::exp(-finding_.log_odds_as_links));
      add_alternative(SuspectKind::kLink, joined(finding_.members), finding_.log_odds_as_links);
      return;
    }
    const std::vector<Choice> ranked = selection_.alternatives(lead_);
    const double best = choice_.total;
    const auto weight_of = [&](const Choice& choice) {
      return std::exp(std::min(choice.total - best, 20.0));
    };
    double all = 0;
    for (const Choice& rival : ranked) all += weight_of(rival);
    double group = 0;
    double needed_last = 0;
    for (const Choice& rival : ranked) {
      const bool itself = rival.component == choice_.component;
      const double log_odds = best - rival.total;
      const bool short_of = group < kGroupShare * all && log_odds < kLogGroupOddsMax;
      // Nothing but order tells a member from others that are just as likely.
      const bool needed = short_of || log_odds < needed_last + kLogSame;
      if (short_of) needed_last = log_odds;
      if (itself || log_odds < std::log(kAmbiguousOdds) || needed) {
        group += weight_of(rival);
        if (!itself) add_group_member(rival.component);
      } else if (suspect_.alternatives.size() < kAlternativesMax && log_odds < kLogAlternativeMax) {
        const ComponentName& name = components_.at(rival.component).names.front();
        add_alternative(name.kind, components_.id(name), log_odds);
      }
    }
    double others = std::exp(-best);  // no fault at all
    if (!is_link(suspect_.kind)) others += compare_with_links();
    if (finding_.common_device) others += compare_with_device(*finding_.common_device);
    suspect_.posterior = group / (all + others);
    if (!suspect_.ambiguous_with.empty()) {
      suspect_.packets_to_split = packets_to_split(suspect_.loss, 4 * background());
    }
  }

  void add_group_member(std::uint32_t component) {
    if (!group_member_) group_member_ = component;
    for (const ComponentName& name : components_.at(component).names) {
      suspect_.ambiguous_with.push_back(components_.id(name));
    }
  }

  void add_alternative(SuspectKind kind, std::string id, double log_odds) {
    suspect_.alternatives.push_back({kind, std::move(id), std::exp(std::min(log_odds, 100.0))});
  }

  [[nodiscard]] std::string joined(const std::vector<std::size_t>& members) const {
    std::string text;
    for (const std::size_t member : members) {
      if (!text.empty()) text += " + ";
      text += components_.id(selection_.chosen()[member].component);
    }
    return text;
  }

  // Returns the weight of the alternative, as that of the suspect is 1.
  double compare_with_links() {
    const auto [links, total] = selection_.as_links(lead_);
    if (links.size() < 2) return 0;
    std::string text;
    for (const std::uint32_t link : links) {
      if (!text.empty()) text += " + ";
      text += components_.id(link);
    }
    add_alternative(SuspectKind::kLink, std::move(text), choice_.total - total);
    return std::exp(std::min(total - choice_.total, 20.0));
  }

  double compare_with_device(const CommonDevice& device) {
    const ComponentName& name = components_.at(device.component).names.front();
    add_alternative(name.kind, components_.id(name), device.log_odds_against);
    return 0;  // that device would hold this suspect, which is then right as far as it goes
  }

  [[nodiscard]] double background() const {
    return selection_.likelihood().background()[finding_.links.front()];
  }

  void counter() {
    auto& sentences = suspect_.counter_evidence;
    if (tally_.cleanest) {
      const FlowRecord& flow = problem_.flows[*tally_.cleanest];
      sentences.push_back(
          fmt::format("{} crosses it and lost none of {} packets, where {:.0f} were expected",
                      flow_name(set_, flow), flow.sent, tally_.cleanest_expected));
    }
    if (tally_.clean_despite > 1) {
      sentences.push_back(fmt::format(
          "{} flows cross it and lost nothing where three lost packets or more were expected",
          tally_.clean_despite));
    }
    if (finding_.of_parts) {
      const std::size_t all = components_.links_of(finding_.component).size();
      sentences.push_back(
          fmt::format("{} of its {} links look healthy", all - finding_.links.size(), all));
    }
  }

  void advise() {
    CounselInput input{.log_odds = choice_.total,
                       .background = background(),
                       .own_flow = {},
                       .telling_flow = telling_flow()};
    if (tally_.own_flow) input.own_flow = flow_name(set_, problem_.flows[*tally_.own_flow]);
    suspect_.would_change = what_would_change(suspect_, input);
  }

  // A flow of known path that crosses the suspect or the next of its group, but not both.
  [[nodiscard]] std::string telling_flow() const {
    if (!group_member_) return {};
    const auto own = components_.links_of(choice_.component);
    const auto other = components_.links_of(*group_member_);
    const auto crosses = [&](const FlowRecord& flow, std::span<const std::uint32_t> links) {
      return std::ranges::any_of(
          problem_.links_of(problem_.arms_of(flow.route).front().path),
          [&](std::uint32_t link) { return std::ranges::find(links, link) != links.end(); });
    };
    const std::size_t end = std::min(problem_.flows.size(), kFlowsSearchedMax);
    const FlowRecord* first = nullptr;  // by name
    for (std::size_t i = 0; i < end; ++i) {
      const FlowRecord& flow = problem_.flows[i];
      if (problem_.arms_of(flow.route).size() != 1 || crosses(flow, own) == crosses(flow, other)) {
        continue;
      }
      if (first == nullptr || named_before(set_, flow, *first)) first = &flow;
    }
    return first == nullptr ? std::string() : flow_name(set_, *first);
  }

  const ObservationSet& set_;
  const OnsetFinder& onsets_;
  const Problem& problem_;
  const ComponentTable& components_;
  Selection& selection_;
  const Finding& finding_;
  const Tally& tally_;
  std::size_t lead_;
  Choice choice_;
  std::optional<DeviceIndex> admitting_;       // the prober whose own loss this is
  std::optional<std::uint32_t> group_member_;  // the likeliest other component of the group
  Suspect suspect_;
};

}  // namespace

Suspect make_suspect(const ObservationSet& set, const OnsetFinder& onsets, const Problem& problem,
                     const ComponentTable& components, Selection& selection, const Finding& finding,
                     const Tally& tally) {
  return Maker(set, onsets, problem, components, selection, finding, tally).make();
}

}  // namespace faultline::localize
