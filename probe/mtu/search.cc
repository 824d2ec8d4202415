#include "probe/mtu/search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace faultline::mtu {
namespace {

constexpr std::uint16_t kVlanTag = 4;  // octets
constexpr std::uint8_t kRounds = 3;
constexpr std::uint32_t kLossesTold = 2;     // one packet may be lost by chance
constexpr std::uint32_t kReachPackets = 20;  // enough to know roughly what is lost anyway
// Sizes that interfaces and tunnels leave; tried before all between them.
constexpr std::array<std::uint16_t, 24> kLadder{9216, 9000, 8951, 8931, 4352, 1500, 1492, 1480,
                                                1476, 1472, 1460, 1454, 1450, 1440, 1438, 1430,
                                                1420, 1412, 1400, 1380, 1360, 1280, 1006, 576};

// Of one small packet, from above: the rule of succession.
double loss_bound(std::uint32_t sent, std::uint32_t lost) {
  return static_cast<double>(lost + 1) / static_cast<double>(sent + 2);
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  static constexpr std::array<std::string_view, 7> kNames{
      "ok", "low-mtu", "black-hole", "interface-mismatch", "loss", "unreachable", "inconclusive"};
  return kNames.at(static_cast<std::size_t>(verdict));
}

Search::Search(const SearchOptions& options) : options_(options), fails_(options.ceiling + 1U) {
  sent_.reserve(kLargeMax * 3);
}

Packet Search::issue(std::uint16_t size, std::uint8_t ttl) {
  const Packet packet{.id = static_cast<std::uint32_t>(sent_.size() + 1), .size = size, .ttl = ttl};
  sent_.push_back({.packet = packet});
  if (size > kSmall) {
    ++large_sent_;
  } else if (ttl == 0) {
    ++small_sent_;
  }
  return packet;
}

Search::Sent* Search::find(std::uint32_t id) {
  return id >= 1 && id <= sent_.size() ? &sent_[id - 1] : nullptr;
}

bool Search::flying() const {
  return std::ranges::any_of(sent_, [](const Sent& s) { return s.fate == Fate::kFlying; });
}

std::optional<Packet> Search::next(Instant now) {
  advance(now);
  if (done() || now < next_at_) return std::nullopt;
  std::optional<Packet> packet;
  switch (phase_) {
    case Phase::kReach:
      if (small_sent_ < kReachPackets) packet = issue(kSmall, 0);
      break;
    case Phase::kSizes:
      packet = next_of_sizes();
      break;
    case Phase::kHops:
      packet = next_of_round(kSmall);
      break;
    case Phase::kLocate:
      packet = next_of_round(static_cast<std::uint16_t>(fails_));
      break;
    case Phase::kDone:
      break;
  }
  idle_ = !packet && flying();
  if (!packet) return std::nullopt;
  sent_.back().at = now;
  next_at_ = now + options_.gap;
  return packet;
}

std::optional<Packet> Search::next_of_sizes() {
  if (flying()) return std::nullopt;
  if (control_next_) {
    control_next_ = false;
    return issue(kSmall, 0);
  }
  return issue(size_, 0);
}

std::optional<Packet> Search::next_of_round(std::uint16_t size) {
  const bool large = size > kSmall;
  const auto last = end_ttl_ == 0 ? kTtlMax : static_cast<std::uint8_t>(end_ttl_ - (large ? 1 : 0));
  while (round_ttl_ < last) {
    if (large && spent()) return std::nullopt;
    auto& seen = seen_[static_cast<std::size_t>(++round_ttl_)];
    const bool known = large ? seen.large || !seen.small : seen.small.has_value();
    if (known) continue;
    if (large) ++seen.large_tries;
    return issue(size, round_ttl_);
  }
  return std::nullopt;
}

void Search::advance(Instant now) {
  for (auto& sent : sent_) {
    if (sent.fate != Fate::kFlying || now < sent.at + options_.timeout) continue;
    sent.fate = Fate::kLost;
    if (sent.packet.size == kSmall && sent.packet.ttl == 0) ++small_lost_;
  }
  if (flying()) return;
  switch (phase_) {
    case Phase::kReach:
      if (small_sent_ < kReachPackets) return;
      if (small_lost_ == small_sent_) return begin_round(Phase::kHops);
      passes_ = kSmall;
      phase_ = Phase::kSizes;
      choose_size();
      return;
    case Phase::kSizes:
      advance_sizes();
      return;
    case Phase::kHops:
    case Phase::kLocate:
      advance_round();
      return;
    case Phase::kDone:
      return;
  }
}

std::uint32_t Search::tries_needed() const {
  const double loss = loss_bound(small_sent_, small_lost_);
  const double needed = std::ceil(std::log(kDoubt) / std::log(std::min(loss, 0.9)));
  return std::clamp(static_cast<std::uint32_t>(needed), kTriesMin, kTriesMax);
}

void Search::advance_sizes() {
  auto& last = sent_.back();
  if (last.packet.size == kSmall) return;  // a control, already counted
  if (std::exchange(last.judged, true)) return;
  switch (last.fate) {
    case Fate::kAnswered:
      settle_size(true);
      return;
    case Fate::kTooBig:
    case Fate::kLocal:
      size_told_ = last.fate == Fate::kTooBig;
      settle_size(false);
      return;
    default:
      break;
  }
  ++losses_;
  if (losses_ >= tries_needed()) {
    size_told_ = false;
    settle_size(false);
    return;
  }
  control_next_ = true;
  if (spent()) finish();
}

void Search::settle_size(bool passes) {
  losses_ = 0;
  control_next_ = false;
  if (passes) {
    passes_ = std::max(passes_, size_);
  } else {
    fails_ = std::min<std::uint32_t>(fails_, size_);
  }
  choose_size();
}

void Search::choose_size() {
  if (hint_ != 0 && hint_ <= passes_) hint_ = 0;
  if (fails_ - passes_ <= 1 || spent()) {
    if (fails_ <= options_.ceiling) {
      begin_round(Phase::kHops);
    } else {
      finish();
    }
    return;
  }
  if (fails_ == options_.ceiling + 1U) {
    size_ = options_.ceiling;
  } else if (hint_ != 0 && hint_ < fails_) {
    size_ = hint_;
    hint_ = 0;
  } else if (too_big_mtu_ != 0 && too_big_mtu_ == passes_) {
    size_ = static_cast<std::uint16_t>(passes_ +
                                       1);  // what a router told passes: one more octet should not
  } else {
    size_ = between();
  }
}

// The middle one of the usual sizes that may be the limit; where none is left, the one below is
// probably it, which one octet more shows.
std::uint16_t Search::between() const {
  const auto* first =
      std::ranges::find_if(kLadder, [this](std::uint16_t size) { return size < fails_; });
  const auto* last =
      std::ranges::find_if(kLadder, [this](std::uint16_t size) { return size <= passes_; });
  if (first != last) return first[(last - first) / 2];
  const bool usual = std::ranges::find(kLadder, passes_) != kLadder.end();
  if (usual) return static_cast<std::uint16_t>(passes_ + 1);
  return static_cast<std::uint16_t>((passes_ + fails_) / 2);
}

void Search::begin_round(Phase phase) {
  phase_ = phase;
  round_ = 1;
  round_ttl_ = 0;
}

void Search::advance_round() {
  const bool large = phase_ == Phase::kLocate;
  const auto last = end_ttl_ == 0 ? kTtlMax : static_cast<std::uint8_t>(end_ttl_ - (large ? 1 : 0));
  std::uint8_t silent = 0;
  for (std::uint8_t ttl = 1; ttl <= round_ttl_; ++ttl) {
    silent = seen_[ttl].small ? 0 : static_cast<std::uint8_t>(silent + 1);
  }
  const bool lost_in_silence = end_ttl_ == 0 && !large && silent >= kSilentMax + round_ - 1;
  const bool cut_short = large && spent();
  if (round_ttl_ < last && !lost_in_silence && !cut_short) return;
  if (round_ < kRounds && !spent()) {
    ++round_;
    round_ttl_ = 0;
    return;
  }
  const bool locates = !large && passes_ != 0 && !told();
  if (locates && !spent()) {
    begin_round(Phase::kLocate);
  } else {
    finish();
  }
}

void Search::finish() { phase_ = Phase::kDone; }

void Search::on_answer(std::uint32_t id) {
  auto* sent = find(id);
  if (sent == nullptr || sent->fate == Fate::kAnswered) return;
  const auto& packet = sent->packet;
  if (packet.ttl != 0) {
    if (end_ttl_ == 0 || packet.ttl < end_ttl_) end_ttl_ = packet.ttl;
  } else if (sent->fate == Fate::kLost && packet.size == kSmall) {
    --small_lost_;  // late, but it came
  } else if (sent->fate == Fate::kLost) {
    passes_ = std::max(passes_, packet.size);
    if (packet.size >= fails_) fails_ = options_.ceiling + 1U;
  }
  sent->fate = Fate::kAnswered;
}

void Search::on_too_big(std::uint32_t id, const IpAddress& from, std::uint16_t mtu) {
  auto* sent = find(id);
  if (sent == nullptr || sent->fate != Fate::kFlying || sent->packet.size <= kSmall) return;
  sent->fate = Fate::kTooBig;
  sent->from = from;
  too_big_from_ = from;
  // Some routers tell 0 (RFC 1191 section 5), and nobody may make a test try what is known to pass.
  if (mtu <= passes_ || mtu >= sent->packet.size) return;
  too_big_mtu_ = mtu;
  hint_ = mtu;
}

void Search::on_ttl_exceeded(std::uint32_t id, const IpAddress& from) {
  auto* sent = find(id);
  if (sent == nullptr) return;
  sent->fate = Fate::kExpired;
  sent->from = from;
  if (sent->packet.ttl == 0 || sent->packet.ttl > kTtlMax) return;
  auto& seen = seen_[sent->packet.ttl];
  if (sent->packet.size > kSmall) {
    seen.large = true;
  } else if (!seen.small) {
    seen.small = from;
  }
}

void Search::on_refused(std::uint32_t id) {
  auto* sent = find(id);
  if (sent == nullptr || sent->fate != Fate::kFlying) return;
  if (sent->packet.ttl != 0) {
    if (end_ttl_ == 0 || sent->packet.ttl < end_ttl_) end_ttl_ = sent->packet.ttl;
  } else if (sent->packet.size == kSmall) {
    ++small_lost_;
  }
  sent->fate = Fate::kLost;
}

void Search::on_local_limit(std::uint32_t id) {
  auto* sent = find(id);
  if (sent == nullptr || sent->fate != Fate::kFlying) return;
  sent->fate = Fate::kLocal;
  if (sent->packet.size == options_.ceiling)
    options_.ceiling = static_cast<std::uint16_t>(sent->packet.size - 1);
}

Instant Search::next_event() const {
  if (done()) return Instant::max();
  auto next = Instant::max();
  for (const auto& sent : sent_) {
    if (sent.fate == Fate::kFlying) next = std::min(next, sent.at + options_.timeout);
  }
  const bool one_by_one = phase_ == Phase::kReach || phase_ == Phase::kSizes;
  return idle_ || (one_by_one && flying()) ? next : std::min(next, next_at_);
}

// A router told of the limit that was found. Told of one that it told before, it may be silent:
// routers limit how often they answer.
bool Search::told() const {
  return too_big_from_ && (size_told_ || (too_big_mtu_ != 0 && too_big_mtu_ == passes_));
}

Verdict Search::verdict() const {
  if (passes_ == 0) return Verdict::kUnreachable;
  if (fails_ - passes_ > 1) return Verdict::kInconclusive;
  if (fails_ > options_.ceiling) {
    // Large packets pass; what is wrong, if anything, strikes all sizes.
    const bool lossy = small_lost_ >= kLossesTold;
    return lossy ? Verdict::kLoss : Verdict::kOk;
  }
  if (told()) return Verdict::kLowMtu;
  return Verdict::kBlackHole;
}

void Search::locate(Report& report) const {
  if (report.verdict != Verdict::kBlackHole) return;
  bool tried = true;
  const auto hops = end_ttl_ == 0 ? kTtlMax : static_cast<std::uint8_t>(end_ttl_ - 1);
  for (std::uint8_t ttl = 1; ttl <= hops; ++ttl) {
    const auto& seen = seen_[ttl];
    if (seen.small && seen.large) {
      report.last_reached = {.ttl = ttl, .address = *seen.small};
      report.first_missed.reset();
      tried = true;
    } else if (seen.small) {
      if (!report.first_missed) report.first_missed = Hop{.ttl = ttl, .address = *seen.small};
      tried = tried && seen.large_tries >= kLossesTold;
    }
  }
  report.located = tried;
  // Nobody routes between the last hop and the target: two interfaces of one segment disagree, if
  // the target's is known to take just what passed, or there is no router to blame at all.
  const bool last_segment = end_ttl_ != 0 && !report.first_missed;
  // A kernel may receive as much more than its MTU as a VLAN tag has octets.
  const bool is_known = passes_ >= options_.far_mtu && passes_ <= options_.far_mtu + kVlanTag;
  const bool fits = options_.far_mtu == 0 ? hops == 0 : is_known;
  if (last_segment && fits) report.verdict = Verdict::kInterfaceMismatch;
}

Report Search::report() const {
  Report report{.verdict = verdict(),
                .mtu = passes_,
                .ceiling = options_.ceiling,
                .too_big_from = too_big_from_,
                .too_big_mtu = too_big_mtu_,
                .small_sent = small_sent_,
                .small_lost = small_lost_,
                .large_sent = large_sent_,
                .far_mtu = options_.far_mtu};
  const auto hops = end_ttl_ == 0 ? kTtlMax : static_cast<std::uint8_t>(end_ttl_ - 1);
  std::size_t known = 0;
  for (std::uint8_t ttl = 1; ttl <= hops; ++ttl) {
    report.hops.push_back(seen_[ttl].small);
    if (seen_[ttl].small || end_ttl_ != 0) known = ttl;
  }
  report.hops.resize(known);
  locate(report);
  return report;
}

}  // namespace faultline::mtu
