// Layer addressing: whether each end has the address that the other one talks to, and whether both
// agree on who is a neighbor.
#include <algorithm>

#include <fmt/format.h>

#include "controller/diagnose/layers.h"
#include "controller/diagnose/routing.h"

namespace faultline::diagnose {
namespace {

std::string addresses_of(const facts::Facts& facts) {
  std::vector<std::string> texts;
  for (const auto& address : facts.addresses->items) {
    if (address.scope == "global") {
      texts.push_back(fmt::format("{} on {}", text_of(address.prefix), address.interface));
    }
  }
  return texts.empty() ? "no address of global scope" : fmt::format("{}", fmt::join(texts, ", "));
}

// The node is known by an address that it does not have: somebody translates, or it lost it.
void look_at_missing(const Pair& pair, const Side& side, Checks& checks) {
  const auto& facts = side.facts->facts;
  if (!facts.addresses->complete()) return;
  const bool nat = pair.works();
  checks.push_back(
      {.layer = Layer::kAddressing,
       .level = nat ? Level::kWarn : level_of(pair, kDead),
       .code = nat ? "behind_nat" : "address_missing",
       .summary =
           nat ? fmt::format("{} is seen as {}, which is none of its addresses: it is behind "
                             "address translation",
                             side.self.name, side.self.address->to_string())
               : fmt::format("{} no longer has the address {} that others know it by",
                             side.self.name, side.self.address->to_string()),
       .nodes = {side.self.name},
       .evidence = {fmt::format("{} has {}", side.self.name, addresses_of(facts))},
       .remedy =
           nat ? std::string("What begins a conversation with it needs a forwarded port: that "
                             "is by design.")
               : fmt::format("Give {} its address back, or set `address` in its probe.yaml.",
                             side.self.name),
       .command =
           nat ? std::string("faultline-probe facts")
               : fmt::format("ip addr add {}/PREFIX dev INTERFACE", side.self.address->to_string()),
       .run_on = side.self.name,
       .explains = kDead,
       .weight = 91});
}

void look_at_state(const Pair& pair, const Side& side, const facts::Address& own, Checks& checks) {
  if (own.dad_failed) {
    checks.push_back(
        {.layer = Layer::kAddressing,
         .level = Level::kFail,
         .code = "dad_failed",
         .summary = fmt::format("{} may not use {}: somebody else answered for it", side.self.name,
                                text_of(own.prefix)),
         .nodes = {side.self.name},
         .evidence = {fmt::format("{}: {} on {} has the flag dadfailed", side.self.name,
                                  text_of(own.prefix), own.interface)},
         .remedy = "Find who has the address, and give one of the two another one.",
         .command = fmt::format("ip -6 addr show dev {} dadfailed; ndisc6 {} {}", own.interface,
                                own.prefix.address.to_string(), own.interface),
         .run_on = side.self.name,
         .explains = kDead,
         .weight = 90});
  } else if (own.tentative) {
    checks.push_back(
        {.layer = Layer::kAddressing,
         .level = level_of(pair, kDead),
         .code = "address_tentative",
         .summary = fmt::format("{} does not use {} yet: it still asks whether somebody "
                                "has it",
                                side.self.name, text_of(own.prefix)),
         .nodes = {side.self.name},
         .evidence = {fmt::format("{}: {} on {} is tentative", side.self.name, text_of(own.prefix),
                                  own.interface)},
         .remedy = "Without a carrier it stays so: look at the link.",
         .command = fmt::format("ip -6 addr show dev {} tentative", own.interface),
         .run_on = side.self.name,
         .explains = kDead,
         .weight = 70});
  }
}

// One takes the other for a neighbor, who routes to it by a gateway: a mask is wrong.
void look_at_masks(const Pair& pair, const Side& side, Checks& checks) {
  if (!side.self.address || !side.other.address || !side.other_facts) return;
  // With more members of the segment the rule knows whose mask it is.
  if (std::ranges::find(pair.findings, "wrong_mask", &Finding::code) != pair.findings.end()) return;
  const auto* own = configured(side.facts->facts, *side.self.address);
  const auto* theirs = configured(side.other_facts->facts, *side.other.address);
  if (own == nullptr || theirs == nullptr || own->prefix.length == 0) return;
  const bool taken = contains(own->prefix, *side.other.address);
  const bool takes = contains(theirs->prefix, *side.self.address);
  if (!taken || takes) return;
  const auto way = way_to(side.facts->facts, *side.self.address, *side.other.address);
  if (way.kind != WayKind::kDirect || way.interface() != own->interface) return;
  checks.push_back(
      {.layer = Layer::kAddressing,
       .level = level_of(pair, kDead | kLossy),
       .code = "wrong_mask",
       .summary = fmt::format("{} takes {} for a neighbor on its wire, and {} does not: one of the "
                              "masks is wrong",
                              side.self.name, side.other.name, side.other.name),
       .nodes = {side.self.name, side.other.name},
       .evidence = {fmt::format("{} has {} on {}, which holds {}", side.self.name,
                                text_of(own->prefix), own->interface,
                                side.other.address->to_string()),
                    fmt::format("{} has {}, which does not hold {}", side.other.name,
                                text_of(theirs->prefix), side.self.address->to_string())},
       .remedy = fmt::format("Most often the wider one is wrong: give {} the length /{}.",
                             side.self.name, theirs->prefix.length),
       .command = fmt::format("ip addr add {}/{} dev {} && ip addr del {} dev {}",
                              own->prefix.address.to_string(), theirs->prefix.length,
                              own->interface, text_of(own->prefix), own->interface),
       .run_on = side.self.name,
       .explains = kDead | kLossy,
       .weight = 93});
}

void look_at_addresses(const Pair& pair, const Side& side, Checks& checks) {
  if (!side.has_facts() || !side.facts->facts.addresses || !side.self.address) return;
  const auto* own = configured(side.facts->facts, *side.self.address);
  if (own == nullptr) return look_at_missing(pair, side, checks);
  look_at_state(pair, side, *own, checks);
  look_at_masks(pair, side, checks);
  checks.push_back({.layer = Layer::kAddressing,
                    .level = Level::kOk,
                    .code = "address_known",
                    .summary = fmt::format("{} has {} on {}", side.self.name, text_of(own->prefix),
                                           own->interface),
                    .nodes = {side.self.name}});
}

}  // namespace

void look_at_addressing(const Pair& pair, Checks& checks) {
  look_at_addresses(pair, pair.side_a(), checks);
  look_at_addresses(pair, pair.side_b(), checks);
}

}  // namespace faultline::diagnose
