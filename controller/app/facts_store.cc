#include "controller/app/facts_store.h"

#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/facts/difference.h"
#include "common/facts/exchange.h"
#include "common/facts/facts_json.h"

namespace faultline::app {
namespace {

using Json = nlohmann::json;

struct Kept {
  StoredFacts stored{};
  std::uint64_t revision = 0;  // grows by one with every state
  std::uint64_t version = 0;   // the ledger's
};

std::string latest_key(NodeId node) { return fmt::format("{:010}", node.value()); }

// Of the step from `revision` back to the one before.
std::string history_key(NodeId node, std::uint64_t revision) {
  return fmt::format("{:010}/{:02}", node.value(), revision % kFactsHistoryMax);
}

tl::unexpected<Error> unreadable(NodeId node) {
  return fail(ErrorCode::kCorrupt,
              fmt::format("the stored facts of node {} cannot be read", node.value()));
}

std::optional<std::uint64_t> revision_of(const Json& document) {
  if (!document.is_object() || !document.contains("revision")) return std::nullopt;
  const auto& revision = document["revision"];
  return revision.is_number_unsigned() ? std::optional(revision.get<std::uint64_t>())
                                       : std::nullopt;
}

std::optional<WallTime> time_of(const Json& document, const char* member) {
  const auto found = document.find(member);
  if (found == document.end() || !found->is_string()) return std::nullopt;
  return parse_rfc3339(found->get<std::string>());
}

Result<std::optional<Kept>> latest(const store::Ledger& ledger, NodeId node) {
  FAULTLINE_TRY(const auto stored, ledger.get(store::Table::kFacts, latest_key(node)));
  if (!stored) return std::optional<Kept>{};
  const auto document = Json::parse(stored->value, nullptr, false);
  const auto revision = revision_of(document);
  if (!revision || !document.contains("facts")) return unreadable(node);
  FAULTLINE_TRY(auto facts, facts::from_json(document["facts"]));
  Kept kept{.stored = {.facts = std::move(facts), .since = {}, .earlier = {}},
            .revision = *revision,
            .version = stored->version};
  kept.stored.since = time_of(document, "since").value_or(kept.stored.facts.collected_at);
  if (document.contains("earlier")) {
    FAULTLINE_TRY(kept.stored.earlier,
                  facts::apply_difference(kept.stored.facts, document["earlier"].dump()));
  }
  return std::optional(std::move(kept));
}

// One state back from `kept`; empty where the ring has come round or begins here.
Result<std::optional<Kept>> before(const store::Ledger& ledger, NodeId node, const Kept& kept) {
  FAULTLINE_TRY(const auto stored,
                ledger.get(store::Table::kFactsHistory, history_key(node, kept.revision)));
  if (!stored) return std::optional<Kept>{};
  const auto document = Json::parse(stored->value, nullptr, false);
  if (revision_of(document) != kept.revision) return std::optional<Kept>{};
  if (!document.contains("difference")) return unreadable(node);
  FAULTLINE_TRY(auto facts,
                facts::apply_difference(kept.stored.facts, document["difference"].dump()));
  Kept previous{.stored = {.facts = std::move(facts), .since = {}, .earlier = {}},
                .revision = kept.revision - 1,
                .version = 0};
  previous.stored.since = time_of(document, "since").value_or(previous.stored.facts.collected_at);
  return std::optional(std::move(previous));
}

Json parsed(const facts::Facts& from, const facts::Facts& to) {
  return Json::parse(facts::difference(from, to));
}

// Leads from `facts` back to the state before it; nothing where there is none.
Result<std::optional<store::LedgerWrite>> step_back(const store::Ledger& ledger, NodeId node,
                                                    std::uint64_t revision,
                                                    const facts::Facts& facts,
                                                    const std::optional<Kept>& previous) {
  if (!previous) return std::optional<store::LedgerWrite>{};
  const auto key = history_key(node, revision);
  FAULTLINE_TRY(const auto slot, ledger.get(store::Table::kFactsHistory, key));
  const Json step{{"revision", revision},
                  {"since", format_rfc3339(previous->stored.since)},
                  {"difference", parsed(facts, previous->stored.facts)}};
  return std::optional(
      store::LedgerWrite{store::Table::kFactsHistory, key, step.dump(), slot ? slot->version : 0});
}

// Of the two samples that there are, the one to compare the newest with: the younger one, if it is
// old enough. Where a node is asked again and again none ever is; then the older one may not age.
const facts::Facts& sample_before(const Kept& kept, WallTime now) {
  const auto& earlier = kept.stored.earlier;
  const bool young = now - kept.stored.facts.collected_at < kSampleAgeMin;
  const bool keeps = earlier && now - earlier->collected_at < kSampleAgeMax;
  return young && keeps ? *earlier : kept.stored.facts;
}

}  // namespace

Result<facts::Facts> keep_facts(store::Ledger& ledger, NodeId node, const FactsUpdate& update) {
  auto known = latest(ledger, node);
  // What cannot be read any more is replaced by the next whole snapshot, without a step back.
  const auto kept = known ? *std::move(known) : std::nullopt;
  FAULTLINE_TRY(auto facts,
                facts::follow(kept ? std::optional(kept->stored.facts) : std::nullopt, update));
  const bool same = kept && facts::lasting(kept->stored.facts) == facts::lasting(facts);
  const auto revision = !kept ? std::uint64_t{1} : same ? kept->revision : kept->revision + 1;
  Json document{{"revision", revision},
                {"since", format_rfc3339(same ? kept->stored.since : facts.collected_at)},
                {"facts", facts::to_json(facts)}};
  if (kept) document["earlier"] = parsed(facts, sample_before(*kept, facts.collected_at));
  FAULTLINE_TRY(const auto stored, ledger.get(store::Table::kFacts, latest_key(node)));
  std::vector<store::LedgerWrite> writes{
      {store::Table::kFacts, latest_key(node), document.dump(), stored ? stored->version : 0}};
  auto previous = kept;
  if (same) {
    FAULTLINE_TRY(previous, before(ledger, node, *kept));
  }
  FAULTLINE_TRY(auto step, step_back(ledger, node, revision, facts, previous));
  if (step) writes.push_back(*std::move(step));
  FAULTLINE_TRY_STATUS(ledger.commit(writes));
  return facts;
}

Result<StoredFacts> load_facts(const store::Ledger& ledger, NodeId node,
                               std::optional<WallTime> at) {
  FAULTLINE_TRY(auto kept, latest(ledger, node));
  if (!kept) {
    return fail(
        ErrorCode::kNotFound,
        "the node has sent no facts; a probe sends them within a minute of its start, if it "
        "is of version 1.1 or later");
  }
  while (at && kept->stored.since > *at) {
    const auto oldest = kept->stored.since;
    FAULTLINE_TRY(kept, before(ledger, node, *kept));
    if (!kept) {
      return fail(ErrorCode::kNotFound, fmt::format("the oldest facts kept of the node are of {}",
                                                    format_rfc3339(oldest)));
    }
  }
  return std::move(kept->stored);
}

FleetFacts load_fleet_facts(const store::Ledger& ledger,
                            const std::vector<std::pair<NodeId, std::string>>& nodes) {
  FleetFacts fleet;
  for (const auto& [id, name] : nodes) {
    auto stored = load_facts(ledger, id, std::nullopt);
    if (!stored) {
      fleet.without.push_back(name);
      continue;
    }
    fleet.facts.push_back(
        {.node = name, .facts = std::move(stored->facts), .earlier = std::move(stored->earlier)});
  }
  return fleet;
}

Result<std::vector<StoredFacts>> load_states(const store::Ledger& ledger, NodeId node,
                                             WallTime since) {
  std::vector<StoredFacts> states;
  FAULTLINE_TRY(auto kept, latest(ledger, node));
  while (kept) {
    const bool enough = kept->stored.since <= since;
    std::optional<Kept> previous;
    if (!enough) {
      FAULTLINE_TRY(previous, before(ledger, node, *kept));
    }
    states.insert(states.begin(), std::move(kept->stored));
    kept = std::move(previous);
  }
  return states;
}

Status drop_facts_before(store::Ledger& ledger, WallTime horizon) {
  FAULTLINE_TRY(const auto documents, ledger.list(store::Table::kFacts));
  for (const auto& document : documents) {
    std::uint32_t id = 0;
    std::from_chars(document.key.data(), document.key.data() + document.key.size(), id);
    const NodeId node{id};
    const auto kept = latest(ledger, node);
    if (kept && *kept && (*kept)->stored.facts.collected_at >= horizon) continue;
    std::vector<store::LedgerWrite> writes{
        {store::Table::kFacts, document.key, std::nullopt, document.version}};
    for (std::uint64_t slot = 0; slot < kFactsHistoryMax; ++slot) {
      const auto key = history_key(node, slot);
      FAULTLINE_TRY(const auto step, ledger.get(store::Table::kFactsHistory, key));
      if (step) writes.push_back({store::Table::kFactsHistory, key, std::nullopt, step->version});
    }
    FAULTLINE_TRY_STATUS(ledger.commit(writes));
  }
  return {};
}

}  // namespace faultline::app
