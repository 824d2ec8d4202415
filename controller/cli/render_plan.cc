// plan, node plan, coverage, budget, diff.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

constexpr std::size_t kRowsShown = 10;
constexpr std::size_t kNamesShown = 12;

std::string rate_text(const Json& object, const char* key) {
  const auto value = number(object, key);
  return value ? percent(*value) : "-";
}

std::string decimal(const Json& object, const char* key) {
  const auto value = number(object, key);
  return value ? fmt::format("{:.1f}", *value) : "-";
}

std::string bytes_text(const Json& object, const char* key) {
  const auto value = number(object, key);
  return value ? bytes(*value) + "/s" : "-";
}

std::string seconds_text(const Json& object, const char* key) {
  const auto value = number(object, key);
  if (!value) return "-";
  return *value < 60 ? fmt::format("{:g}s", *value) : span_of_seconds(*value);
}

// Some of the names, and how many more there are.
std::string names_text(const Json& names, bool all) {
  const auto shown = all ? names.size() : std::min(names.size(), kNamesShown);
  std::string result;
  for (std::size_t i = 0; i < shown; ++i) {
    result += (i == 0 ? "" : ", ") + (names[i].is_string() ? names[i].get<std::string>() : "?");
  }
  if (shown < names.size()) result += fmt::format(" and {} more (--all)", names.size() - shown);
  return result;
}

std::vector<Json> sorted_rows(const Json& rows, const char* key, bool descending) {
  std::vector<Json> result(rows.begin(), rows.end());
  std::ranges::stable_sort(result, [&](const Json& a, const Json& b) {
    const auto left = number(a, key).value_or(0);
    const auto right = number(b, key).value_or(0);
    return descending ? left > right : left < right;
  });
  return result;
}

std::string more_text(std::size_t shown, std::size_t total, std::string_view what) {
  if (shown >= total) return "";
  return fmt::format("  and {} more {} (--all)\n", total - shown, what);
}

std::string sentences(const Json& document) {
  std::string result;
  for (const auto& sentence : member(document, "reduced")) {
    if (sentence.is_string()) result += "  limit met: " + sentence.get<std::string>() + "\n";
  }
  return result;
}

std::string counted(std::size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{} of {}", part, whole);
}

std::string coverage_head(const Json& document, const Style& style) {
  const auto links = count(document, "links");
  const auto covered = count(document, "covered");
  const auto identifiable = count(document, "identifiable");
  const auto line = [&](std::string_view title, std::uint64_t part, std::uint64_t whole,
                        std::string_view meaning) {
    const auto tone = part == whole ? Tone::kGood : Tone::kWarn;
    return fmt::format("  {:<14}{}  {}\n", title,
                       style.paint(tone, fmt::format("{:<16}", share(part, whole))), meaning);
  };
  std::string result = fmt::format("{} flows of the {} over {} directed links\n",
                                   count(document, "flows"), text(document, "source"), links);
  result += line("covered", covered, links, "links that a measured flow crosses");
  result += line("identifiable", identifiable, covered,
                 "a single fault on them is named, alone or with links in series");
  result += line("unmasked", count(document, "unmasked"), covered,
                 "no two faults elsewhere look like one on them as well");
  const auto few = count(document, "links_with_few_host_pairs");
  result += line("host pairs", covered - std::min(few, covered), covered,
                 fmt::format("crossed by flows of at least {} pairs of hosts",
                             count(document, "host_pairs_wanted")));
  if (count(document, "paths_unknown") > 0) {
    result += fmt::format("  {} paths are not traced yet, so this is too low\n",
                          count(document, "paths_unknown"));
  }
  if (count(document, "paths_incomplete") > 0) {
    result += fmt::format("  {} paths have silent hops, whose links are left out\n",
                          count(document, "paths_incomplete"));
  }
  return result;
}

// What is done about what is missing; nothing where all pairs are measured.
std::string exploration_text(const Json& document, const Style& style) {
  const auto& found = member(document, "exploration");
  if (!found.is_object()) return "";
  const auto& gaps = member(found, "gaps");
  std::string result = fmt::format("  {:<14}{} beyond the mesh, {} more tried", "learned flows",
                                   count(found, "flows_useful"), count(found, "flows_tried"));
  if (count(found, "flows_held") > 0) {
    result += fmt::format(", {} held by incidents", count(found, "flows_held"));
  }
  result += "\n";
  const auto missing = count(gaps, "uncovered") + count(gaps, "few_host_pairs") +
                       count(gaps, "not_told_apart") + count(gaps, "masked");
  if (missing > 0) {
    const auto text =
        fmt::format("{} uncovered, {} crossed by few pairs of hosts, {} not told apart, {} masked",
                    count(gaps, "uncovered"), count(gaps, "few_host_pairs"),
                    count(gaps, "not_told_apart"), count(gaps, "masked"));
    result += fmt::format("  {:<14}{}", "explored for", style.paint(Tone::kWarn, text));
    if (count(gaps, "given_up") > 0) {
      result += fmt::format("; {} given up until something changes", count(gaps, "given_up"));
    }
    result += "\n";
  }
  if (flag(found, "budget_met")) {
    result += "  a flow that would help finds no room: see tracked_flows_per_node_max\n";
  }
  if (flag(found, "waits_for_paths")) {
    result += "  nothing is tried before the paths of the mesh are traced\n";
  }
  return result;
}

std::string horizons_text(const Json& document, const Style& style) {
  Table table({"SMALLEST LOSS FOUND WITHIN", ">BEST LINK", ">MEDIAN", ">WORST", ">NONE AT ALL"},
              "  ");
  for (const auto& horizon : member(document, "horizons")) {
    table.add({seconds_text(horizon, "seconds"), rate_text(horizon, "loss_min_best"),
               rate_text(horizon, "loss_min_median"), rate_text(horizon, "loss_min_worst"),
               counted(count(horizon, "links_without"), "link")});
  }
  return "\n" + table.text(style);
}

std::string groups_text(const Json& document, bool all) {
  const auto& groups = member(document, "groups");
  if (groups.empty()) return "";
  std::string result =
      fmt::format("\n{} of links that nobody can tell apart:\n", counted(groups.size(), "group"));
  const auto shown = all ? groups.size() : std::min(groups.size(), kRowsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    result += fmt::format("  {}\n    {}\n", names_text(member(groups[i], "links"), all),
                          text(groups[i], "text"));
  }
  return result + more_text(shown, groups.size(), "groups");
}

}  // namespace

std::string render_plan_coverage(const Json& document, const Style& style, bool all) {
  std::string result = coverage_head(document, style) + exploration_text(document, style) +
                       horizons_text(document, style);
  const auto& uncovered = member(document, "uncovered");
  if (!uncovered.empty()) {
    result += fmt::format("\n{} that no measured flow crosses:\n  {}\n",
                          counted(uncovered.size(), "link"), names_text(uncovered, all));
  }
  result += groups_text(document, all);
  Table table({"LINK", ">FLOWS", ">HOST PAIRS", ">PACKETS/s", ">1m", ">5m", ">30m", ""}, "  ");
  const auto rows = sorted_rows(member(document, "per_link"), "packets_per_second", false);
  std::size_t shown = 0;
  for (const auto& link : rows) {
    if (!all && count(link, "flows") == 0) continue;  // listed above
    if (!all && shown == kRowsShown) break;
    ++shown;
    table.add({text(link, "id"), text(link, "flows"), text(link, "host_pairs"),
               decimal(link, "packets_per_second"), rate_text(link, "loss_min_1m"),
               rate_text(link, "loss_min_5m"), rate_text(link, "loss_min_30m"),
               flag(link, "masked") ? Cell("masked", Tone::kFaint) : Cell("")});
  }
  if (shown == 0) return result;
  return result + (all ? "\nall links, least watched first:\n" : "\nleast watched links:\n") +
         table.text(style);
}

std::string render_plan_budget(const Json& document, const Style& style, bool all) {
  const auto& limits = member(document, "limits");
  std::string result = fmt::format(
      "plan {}, one packet per flow every {}; a node may track {} flows and send {} packets/s, "
      "a link carry {}\n",
      text(document, "revision"), seconds_text(document, "flow_interval_s"),
      text(limits, "tracked_flows_per_node_max"), text(limits, "packets_per_second_per_node_max"),
      text(limits, "packets_per_second_per_link_max"));
  result += sentences(document);
  const auto limit = [&](std::size_t rows) { return all ? rows : std::min(rows, kRowsShown); };
  Table nodes({"NODE", ">PEERS", ">FLOWS", ">SENT/s", ">ANSWERED/s", ">BYTES", ">TRACE CYCLE"});
  const auto node_rows = sorted_rows(member(document, "nodes"), "bytes_per_second", true);
  for (std::size_t i = 0; i < limit(node_rows.size()); ++i) {
    const auto& node = node_rows[i];
    nodes.add({text(node, "node"), text(node, "peers"), text(node, "flows"),
               decimal(node, "packets_per_second_sent"),
               decimal(node, "packets_per_second_reflected"), bytes_text(node, "bytes_per_second"),
               seconds_text(node, "trace_cycle_s")});
  }
  result += nodes.text(style) + more_text(limit(node_rows.size()), node_rows.size(), "nodes");
  Table links({"LINK", ">FLOWS", ">PACKETS/s", ">WORST/s", ">WORST BYTES"});
  const auto link_rows = sorted_rows(member(document, "links"), "packets_per_second_max", true);
  for (std::size_t i = 0; i < limit(link_rows.size()); ++i) {
    const auto& link = link_rows[i];
    links.add({text(link, "id"), text(link, "flows"), decimal(link, "packets_per_second"),
               decimal(link, "packets_per_second_max"), bytes_text(link, "bytes_per_second_max")});
  }
  const auto& routers = member(document, "routers");
  if (!routers.empty()) {
    result += fmt::format(
        "traces of {} may make {} send {} ICMP packets/s, more than any other router; {} are "
        "allowed\n",
        counted(count(routers[0], "nodes"), "node"), text(routers[0], "id"),
        decimal(routers[0], "icmp_per_second_max"), text(limits, "router_packets_per_second_max"));
  }
  if (count(document, "paths_unknown") > 0) {
    result += fmt::format("{} paths are not traced yet: their links will carry more than this\n",
                          count(document, "paths_unknown"));
  }
  return result + "\n" + links.text(style) +
         more_text(limit(link_rows.size()), link_rows.size(), "links");
}

std::string render_plan_diff(const Json& document, const Style& style, bool all) {
  const auto& before = member(document, "before");
  const auto& after = member(document, "after");
  std::string result = fmt::format(
      "{}{}{} against the plans in force\n", text(document, "config"),
      member(document, "inventory").is_string() ? " and " : "",
      member(document, "inventory").is_string() ? text(document, "inventory") : std::string());
  Table table({"", ">IN FORCE", ">ON DISK"});
  const auto row = [&](const char* title, std::string left, std::string right) {
    const auto tone = left == right ? Tone::kPlain : Tone::kWarn;
    table.add({title, std::move(left), {std::move(right), tone}});
  };
  const auto pattern = [](const Json& side) -> std::string {
    return flag(side, "all_pairs") ? "all pairs" : "each node some";
  };
  row("who measures whom", pattern(before), pattern(after));
  row("flows", text(before, "flows"), text(after, "flows"));
  row("flows per pair", text(before, "flows_per_pair"), text(after, "flows_per_pair"));
  row("a packet per flow every", seconds_text(before, "flow_interval_s"),
      seconds_text(after, "flow_interval_s"));
  row("busiest node, packets/s", decimal(before, "packets_per_second_max"),
      decimal(after, "packets_per_second_max"));
  row("busiest node, bytes", bytes_text(before, "bytes_per_second_max"),
      bytes_text(after, "bytes_per_second_max"));
  row("links nobody crosses", std::to_string(member(document, "uncovered_before").size()),
      std::to_string(member(document, "uncovered_after").size()));
  result += table.text(style) + sentences(after);
  const auto changed = count(document, "nodes_with_new_plan");
  if (changed == 0) return result + "no node would get a new plan\n";
  result += counted(changed, "node") + " would get a new plan\n";
  Table nodes({"NODE", ">KEPT", ">ADDED", ">REMOVED"}, "  ");
  const auto& rows = member(document, "nodes");
  const auto shown = all ? rows.size() : std::min(rows.size(), kRowsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    nodes.add({text(rows[i], "node"), text(rows[i], "flows_kept"), text(rows[i], "flows_added"),
               text(rows[i], "flows_removed")});
  }
  return result + nodes.text(style) + more_text(shown, rows.size(), "nodes");
}

std::string render_plan(const Json& document, const Style& style) {
  std::string result =
      fmt::format("plan {}: {}, {} flows per pair, {} flows, one packet per flow every {}\n",
                  text(document, "revision"),
                  flag(document, "all_pairs") ? "every node measures every other"
                                              : "every node measures some others",
                  text(document, "flows_per_pair"), text(document, "flows"),
                  seconds_text(document, "flow_interval_s"));
  result += sentences(document);
  result += exploration_text(document, style);
  if (count(document, "pairs_mixed") > 0) {
    result += fmt::format("  {} pairs are left out: one end speaks IPv4, the other IPv6\n",
                          count(document, "pairs_mixed"));
  }
  Table table({"NODE", ">REVISION", ">OBEYED", ">PEERS", ">FLOWS"});
  for (const auto& node : member(document, "nodes")) {
    const bool obeyed = text(node, "acknowledged") == text(node, "revision");
    table.add({text(node, "node"), text(node, "revision"),
               Cell(text(node, "acknowledged"), obeyed ? Tone::kPlain : Tone::kWarn),
               text(node, "peers"), text(node, "flows")});
  }
  return result + table.text(style);
}

std::string render_node_plan(const Json& document, const Style& style) {
  const auto& budget = member(document, "budget");
  std::string result = fmt::format(
      "{}: plan {} (obeys {}), {} flows to {} peers, one packet each every {}\n"
      "worst case: {} packets/s sent, {} answered, {}; every path traced within {}\n",
      text(document, "node"), text(document, "revision"), text(document, "acknowledged"),
      text(document, "flows"), text(document, "peers"), seconds_text(document, "flow_interval_s"),
      decimal(budget, "packets_per_second_sent"), decimal(budget, "packets_per_second_reflected"),
      bytes_text(budget, "bytes_per_second"), seconds_text(budget, "trace_cycle_s"));
  Table table({"TARGET", "SOURCE PORTS"});
  for (const auto& target : member(document, "targets")) {
    table.add({text(target, "target"), joined(target, "source_ports", " ")});
  }
  return result + table.text(style);
}

}  // namespace faultline::cli
