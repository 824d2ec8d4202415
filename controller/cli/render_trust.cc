// trust, rekey.
#include <fmt/format.h>

#include "controller/cli/label_argument.h"
#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

std::string controller_table(const Json& controller, const Style& style) {
  Table table({"CONTROLLER KEY", "STATE", "SINCE", "KEY"});
  for (const auto& key : member(controller, "keys")) {
    table.add({text(key, "fingerprint"), text(key, "state"), text(key, "since"), text(key, "key")});
  }
  auto result = table.text(style);
  result += fmt::format("known to {} of {} nodes", count(controller, "acknowledged"),
                        count(controller, "nodes"));
  if (!member(controller, "missing").empty()) {
    result += style.paint(Tone::kWarn, ", missing: " + joined(controller, "missing"));
    if (const auto more = count(controller, "missing_omitted"); more > 0) {
      result += fmt::format(" and {} more", more);
    }
  }
  return result + "\n";
}

std::string node_keys(const Json& node) {
  std::string keys;
  for (const auto& key : member(node, "keys")) {
    keys += fmt::format("{}{}{}", keys.empty() ? "" : " ", text(key, "fingerprint"),
                        text(key, "state") == "next" ? " (next)" : "");
  }
  return keys;
}

std::string key_since(const Json& node) {
  const auto& keys = member(node, "keys");
  return keys.empty() ? "-" : text(keys.front(), "since");
}

std::string nodes_table(const Json& nodes, const Style& style) {
  Table table({"NODE", "KEY", "STATE", "HOW", "JOINED", "KEY SINCE", "NOTE"});
  for (const auto& node : nodes) {
    table.add({text(node, "name"), node_keys(node), text(node, "state"), text(node, "how"),
               text(node, "since"), key_since(node),
               flag(node, "rekey_asked") ? Cell("a new key is wanted", Tone::kWarn) : Cell("")});
  }
  return table.empty() ? "no nodes yet\n" : table.text(style);
}

std::string tokens_table(const Json& tokens, const Style& style) {
  Table table({"TOKEN", "FOR NODE", "LABELS", "EXPIRES"});
  for (const auto& token : tokens) {
    const auto node = text(token, "node");
    table.add({text(token, "id"), node == "-" ? "any" : node, labels_text(member(token, "labels")),
               text(token, "expires")});
  }
  return table.empty() ? "no unused tokens\n" : table.text(style);
}

}  // namespace

std::string render_trust(const Json& document, const Style& style) {
  return controller_table(member(document, "controller"), style) + "\n" +
         nodes_table(member(document, "nodes"), style) + "\n" +
         tokens_table(member(document, "tokens"), style);
}

std::string render_rekey(const Json& document, const Style&) {
  const auto name = text(document, "name");
  const auto state = text(document, "state");
  if (text(document, "kind") == "node") {
    return fmt::format(
        "{} is asked for a new key; 'faultline trust list' shows when it has changed\n", name);
  }
  std::string missing = joined(document, "missing");
  if (const auto more = count(document, "missing_omitted"); more > 0) {
    missing += fmt::format(" and {} more", more);
  }
  const bool all_know = member(document, "missing").empty();
  if (state == "changed") {
    return fmt::format(
        "the controller changes to the key {}, join tokens made before are void; {}\n", name,
        all_know ? "every node knows it"
                 : "locked out until they join with a token that names no node: " + missing);
  }
  return fmt::format(
      "the controller will change to the key {}, {}\nJoin tokens not used by then are void.\n",
      name,
      all_know ? "now: every node knows it"
               : "as soon as every node knows it, which takes seconds; not yet: " + missing);
}

}  // namespace faultline::cli
