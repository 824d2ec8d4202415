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
  facts::Facts facts{};
  std::uint64_t revision = 0;  // grows by one with every update
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

Result<std::optional<Kept>> latest(const store::Ledger& ledger, NodeId node) {
  FAULTLINE_TRY(const auto stored, ledger.get(store::Table::kFacts, latest_key(node)));
  if (!stored) return std::optional<Kept>{};
  const auto document = Json::parse(stored->value, nullptr, false);
  const auto revision = revision_of(document);
  if (!revision || !document.contains("facts")) return unreadable(node);
  FAULTLINE_TRY(auto facts, facts::from_json(document["facts"]));
  return std::optional(Kept{std::move(facts), *revision, stored->version});
}

// One step back from `kept`; empty where the ring has come round or begins here.
Result<std::optional<Kept>> before(const store::Ledger& ledger, NodeId node, const Kept& kept) {
  FAULTLINE_TRY(const auto stored,
                ledger.get(store::Table::kFactsHistory, history_key(node, kept.revision)));
  if (!stored) return std::optional<Kept>{};
  const auto document = Json::parse(stored->value, nullptr, false);
  if (revision_of(document) != kept.revision) return std::optional<Kept>{};
  if (!document.contains("difference")) return unreadable(node);
  FAULTLINE_TRY(auto facts, facts::apply_difference(kept.facts, document["difference"].dump()));
  return std::optional(Kept{std::move(facts), kept.revision - 1, 0});
}

}  // namespace

Result<facts::Facts> keep_facts(store::Ledger& ledger, NodeId node, const FactsUpdate& update) {
  auto known = latest(ledger, node);
  // What cannot be read any more is replaced by the next whole snapshot, without a step back.
  const auto kept = known ? *std::move(known) : std::nullopt;
  FAULTLINE_TRY(auto facts,
                facts::follow(kept ? std::optional(kept->facts) : std::nullopt, update));
  const auto revision = kept ? kept->revision + 1 : 1;
  FAULTLINE_TRY(const auto stored, ledger.get(store::Table::kFacts, latest_key(node)));
  std::vector<store::LedgerWrite> writes{
      {store::Table::kFacts, latest_key(node),
       Json{{"revision", revision}, {"facts", facts::to_json(facts)}}.dump(),
       stored ? stored->version : 0}};
  if (kept) {
    const auto key = history_key(node, revision);
    FAULTLINE_TRY(const auto slot, ledger.get(store::Table::kFactsHistory, key));
    const Json step{{"revision", revision},
                    {"difference", Json::parse(facts::difference(facts, kept->facts))}};
    writes.push_back({store::Table::kFactsHistory, key, step.dump(), slot ? slot->version : 0});
  }
  FAULTLINE_TRY_STATUS(ledger.commit(writes));
  return facts;
}

Result<facts::Facts> load_facts(const store::Ledger& ledger, NodeId node,
                                std::optional<WallTime> at) {
  FAULTLINE_TRY(auto kept, latest(ledger, node));
  if (!kept) {
    return fail(
        ErrorCode::kNotFound,
        "the node has sent no facts; a probe sends them within a minute of its start, if it "
        "is of version 1.1 or later");
  }
  while (at && kept->facts.collected_at > *at) {
    const auto oldest = kept->facts.collected_at;
    FAULTLINE_TRY(kept, before(ledger, node, *kept));
    if (!kept) {
      return fail(ErrorCode::kNotFound, fmt::format("the oldest facts kept of the node are of {}",
                                                    format_rfc3339(oldest)));
    }
  }
  return std::move(kept->facts);
}

Status drop_facts_before(store::Ledger& ledger, WallTime horizon) {
  FAULTLINE_TRY(const auto documents, ledger.list(store::Table::kFacts));
  for (const auto& document : documents) {
    std::uint32_t id = 0;
    std::from_chars(document.key.data(), document.key.data() + document.key.size(), id);
    const NodeId node{id};
    const auto kept = latest(ledger, node);
    if (kept && *kept && (*kept)->facts.collected_at >= horizon) continue;
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
