#include "tests/campaign/healthy/world.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/check.h"

namespace faultline::healthy {
namespace {

constexpr Duration kTick = std::chrono::seconds{1};
constexpr Duration kVitals = std::chrono::seconds{10};
constexpr Duration kRemembered = std::chrono::minutes{10};

PublicKey key_of(std::uint32_t host) {
  PublicKey key;
  key.bytes[0] = 1;
  for (std::size_t i = 0; i < 4; ++i) key.bytes[1 + i] = static_cast<std::uint8_t>(host >> 8 * i);
  return key;
}

std::uint32_t host_of(const PublicKey& key) {
  std::uint32_t host = 0;
  for (std::size_t i = 0; i < 4; ++i) host |= std::uint32_t{key.bytes[1 + i]} << 8 * i;
  return host;
}

core::CoreOptions core_options(const World::Options& options) {
  core::CoreOptions core;
  core.software = "healthy";
  core.controller_key = key_of(0);
  core.heartbeat_interval = World::kHeartbeat;
  core.receivers = {"oncall"};
  core.planner.tracked_flows_per_node_max = options.flows_per_node_max;
  return core;
}

}  // namespace

World::World(const Options& options)
    : network(options.network, options.seed),
      core_(core_options(options), network.inventory(), Rng(options.seed + 1)),
      live_({.window = core_.options().planner.window,
             .horizon_windows = core_.options().horizon_windows}),
      detector_({}) {
  FAULTLINE_CHECK(core_.restore({}, {clock.instant(), clock.wall()}).has_value(),
                  "nothing to read");
  advance_network();
  Rng rng(options.seed + 2);
  for (std::uint32_t host = 1; host <= options.network.hosts; ++host) {
    step(core::AddNode{
        .request = host,
        .node = {.name = "h" + std::to_string(host), .key = key_of(host), .labels = {}}});
    hosts_.push_back(std::make_unique<Host>(*this, host, rng()));
  }
  for (auto& host : hosts_) host->start();
  tick();
  read_vitals();
}

void World::run(Duration length, const std::function<void()>& told) {
  constexpr Duration kHour = std::chrono::hours{1};
  for (Duration done{}; done < length; done += kHour) {
    clock.run(std::min(kHour, length - done));
    told();
  }
}

std::size_t World::sessions() const {
  std::size_t count = 0;
  for (const auto& plan : core_.plans().plans) count += plan.flows.size();
  return count;
}

// Effects answer at once, but not into the step that asked.
void World::step(core::Event event) {
  answers_.push_back(std::move(event));
  if (stepping_) return;
  stepping_ = true;
  while (!answers_.empty()) {
    auto next = std::move(answers_.front());
    answers_.pop_front();
    core_.step({clock.instant(), clock.wall()}, std::move(next), *this);
  }
  stepping_ = false;
}

void World::tick() {
  step(core::Tick{});
  clock.after(kTick, [this] { tick(); });
}

void World::advance_network() {
  const auto window = core_.options().planner.window;
  network.advance(window_start(clock.wall(), window), window);
  // Windows are drawn when they are reported, some seconds after their end.
  clock.after(window, [this] { advance_network(); });
}

// As controller/app/vitals.cc does of the shell's snapshot.
void World::read_vitals() {
  notify::Vitals vitals;
  vitals.window = core_.options().planner.window;
  vitals.nodes = core_.fleet().node_count();
  for (const auto& [id, node] : core_.fleet().nodes()) {
    if (node.state == fleet::NodeState::kSilent) ++vitals.nodes_silent;
    if (node.state != fleet::NodeState::kLive || !node.clock_offset) continue;
    vitals.clock_offset_max =
        std::max(vitals.clock_offset_max, Duration(std::chrono::abs(*node.clock_offset)));
  }
  vitals.sessions_planned = sessions();
  const auto judged = core_.windows().judged_until();
  if (judged != WallTime::min()) vitals.verdict_age = clock.wall() - judged;
  vitals.dead_letters = core_.outbox().counters().dead_faults;
  step(core::VitalsRead{vitals});
  clock.after(kVitals, [this] { read_vitals(); });
}

void World::tell(std::uint32_t host, ProbeMessage message) {
  step(core::PeerMessage{key_of(host), "healthy", std::move(message)});
}

void World::report(std::uint32_t host, Batch batch, std::shared_ptr<const Report> report) {
  decoding_ = std::move(report);
  tell(host, std::move(batch));
}

void World::send(const PublicKey& to, ControllerMessage message) {
  // Not from inside of a step.
  clock.after(Duration::zero(), [this, host = host_of(to), message = std::move(message)] {
    hosts_.at(host - 1)->receive(message);
  });
}

void World::decode(NodeId node, Batch batch) {
  answers_.push_back(core::BatchDecoded{node, std::move(batch), std::move(decoding_)});
}

void World::append(core::Append) { answers_.push_back(core::AppendDone{{}}); }

void World::commit(std::uint64_t commit, std::vector<core::DocumentWrite>) {
  answers_.push_back(core::CommitDone{commit, {}});
}

void World::plan(core::PlanningJob job) {
  answers_.push_back(core::PlanningDone{core::plan_flows(job)});
}

void World::solve(core::SolveJob job) {
  auto solution = live_.solve(job);
  detector_.judge(job, solution);
  for (const auto& abnormal : solution.abnormal) {
    if (!abnormal.explained_by.empty()) continue;
    const auto& [worst, is_node, node, pairs, pairs_of, since] = abnormal.finding;
    const auto who = is_node ? abnormal.node : abnormal.src + " -> " + abnormal.dst;
    if (!known_anomalies_.emplace(worst.kind, who, since).second) continue;
    ++anomalies_[std::string(to_string(worst.kind)) + (is_node ? " (nodes)" : "")];
  }
  answers_.push_back(core::SolveDone{std::move(solution)});
}

void World::recall(core::RecallJob) { answers_.push_back(core::RecallDone{}); }

void World::deliver(notify::OutboxEntry entry) {
  Page page{.at = clock.wall(),
            .event = {},
            .body = entry.body,
            .meanwhile = network.recent(clock.wall())};
  page.event = nlohmann::json::parse(entry.body).at("event").get<std::string>();
  for (const auto& [at, text] : notes_) page.meanwhile.push_back(format_rfc3339(at) + " " + text);
  pages_.push_back(std::move(page));
  answers_.push_back(core::DeliveryDone{
      entry.id,
      {.result = notify::DeliveryResult::kDelivered, .text = "HTTP 200", .retry_after = {}}});
}

void World::note(std::string text) {
  const auto now = clock.wall();
  while (!notes_.empty() && notes_.front().first < now - kRemembered) notes_.pop_front();
  notes_.emplace_back(now, std::move(text));
}

}  // namespace faultline::healthy
