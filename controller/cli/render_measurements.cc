// matrix, path, history, slo: what was measured between nodes.
#include <algorithm>

#include <fmt/format.h>

#include "common/base/time.h"
#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

// Beyond this many characters the columns get numbers instead of names.
constexpr std::size_t kMatrixWidthMax = 160;
constexpr std::size_t kBarWidth = 20;

// In percent without its sign, so that columns stay narrow: "." no loss, "-" not measured.
Cell loss_cell(const Json& cell) {
  const auto loss = number(cell, "loss");
  if (!loss) return {"-", Tone::kFaint};
  if (*loss == 0) return {".", Tone::kGood};
  if (*loss < 0.0001) return {"<.01", Tone::kWarn};
  if (*loss < 0.1) return {fmt::format("{:.2f}", *loss * 100), Tone::kBad};
  return {fmt::format("{:.0f}", *loss * 100), Tone::kBad};
}

std::vector<std::string> names_of(const Json& groups) {
  std::vector<std::string> names;
  for (const auto& group : groups)
    names.push_back(group.is_string() ? group.get<std::string>() : "?");
  return names;
}

bool too_wide(const std::vector<std::string>& names) {
  std::size_t width = 0;
  for (const auto& name : names) width += std::max<std::size_t>(name.size(), 4) + 2;
  return width > kMatrixWidthMax;
}

struct Pair {
  std::string text;
  double loss = 0;
};

// The pairs that lose most, for matrices that no eye can scan.
std::string worst_pairs(const Json& document, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::vector<Pair> pairs;
  for (const auto& row : member(document, "rows")) {
    for (std::size_t column = 0; column < member(row, "cells").size(); ++column) {
      const auto& cell = member(row, "cells")[column];
      const auto loss = number(cell, "loss");
      if (!loss || *loss == 0 || column >= names.size()) continue;
      pairs.push_back(
          {fmt::format("{} -> {}: {} ({} of {} packets)", text(row, "from"), names[column],
                       percent(*loss), count(cell, "lost"), count(cell, "sent")),
           *loss});
    }
  }
  std::ranges::stable_sort(pairs, std::greater{}, &Pair::loss);
  if (pairs.empty()) return "no loss\n";
  std::string result = fmt::format("{} pairs with loss", pairs.size());
  result += pairs.size() > kShown ? fmt::format(", the worst {}:\n", kShown) : ":\n";
  for (std::size_t i = 0; i < std::min(kShown, pairs.size()); ++i)
    result += "  " + pairs[i].text + "\n";
  return result;
}

std::string hop_text(const Json& hop) {
  if (member(hop, "device").is_string()) return text(hop, "device");
  return member(hop, "address").is_string() ? text(hop, "address") : "*";
}

std::string path_text(const Json& path) {
  if (path.is_null()) return "not traced yet";
  std::string result;
  for (const auto& hop : member(path, "hops")) {
    if (!result.empty()) result += " > ";
    result += hop_text(hop);
  }
  return flag(path, "complete") ? result : result + " > ...";
}

std::string rtt_text(const Json& object, const char* key) {
  const auto value = number(object, key);
  return value ? microseconds(*value) : "-";
}

Cell lost_cell(const Json& object, const char* key) {
  const auto lost = count(object, key);
  return lost == 0 ? Cell("0") : Cell(std::to_string(lost), Tone::kBad);
}

// A bar for the worse direction: one mark per 5 %, at least one for any loss.
std::string loss_bar(const Json& row) {
  const auto loss =
      std::max(number(row, "loss_forward").value_or(0), number(row, "loss_return").value_or(0));
  const auto marks = static_cast<std::size_t>(loss * static_cast<double>(kBarWidth));
  return loss == 0 ? "" : std::string(std::clamp<std::size_t>(marks, 1, kBarWidth), '#');
}

// Never zero, whatever the document says: gaps are counted in windows.
Duration window_of(const Json& document) {
  constexpr double kWindowMax = 86'400;
  const double seconds = number(document, "window_s").value_or(10);
  const double sane = seconds > 0 && seconds <= kWindowMax ? seconds : 10;
  return std::max<Duration>(Duration{1}, Duration{static_cast<std::int64_t>(sane * 1e9)});
}

}  // namespace

std::string render_matrix(const Json& document, const Style& style) {
  const auto names = names_of(member(document, "groups"));
  const bool numbered = too_wide(names);
  std::vector<std::string> titles{"from \\ to"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    titles.push_back(numbered ? fmt::format(">#{}", i + 1) : ">" + names[i]);
  }
  Table table(titles);
  std::size_t index = 0;
  for (const auto& row : member(document, "rows")) {
    const auto from = text(row, "from");
    std::vector<Cell> cells{numbered ? fmt::format("#{} {}", ++index, from) : from};
    for (const auto& cell : member(row, "cells")) cells.push_back(loss_cell(cell));
    table.add(std::move(cells));
  }
  if (table.empty()) return "nothing to show yet: no node has joined\n";
  return fmt::format("one-way loss in %, {} to {} ('.' none, '-' not measured)\n",
                     text(document, "from"), text(document, "to")) +
         table.text(style) + worst_pairs(document, names);
}

std::string render_path(const Json& document, const Style& style) {
  Table table({">PORT", ">SENT", ">LOST ->", ">LOST <-", ">?", ">RTT us", "", "PATH"});
  for (const auto& flow : member(document, "flows")) {
    const auto& measured = member(flow, "measured");
    const bool known = measured.is_object();
    table.add({text(flow, "source_port"), known ? text(measured, "sent") : "-",
               known ? lost_cell(measured, "lost_forward") : Cell("-"),
               known ? lost_cell(measured, "lost_return") : Cell("-"),
               known ? text(measured, "lost_undetermined") : "-", rtt_text(measured, "rtt_mean_us"),
               "->", path_text(member(flow, "forward_path"))});
    table.add({"", "", "", "", "", "", "<-", path_text(member(flow, "return_path"))});
  }
  const auto head = fmt::format("{} -> {}, {} flows, measured in the window until {}\n",
                                text(document, "src"), text(document, "dst"),
                                member(document, "flows").size(), text(document, "window_judged"));
  return head + (table.empty() ? "no tracked flow between these nodes\n" : table.text(style));
}

std::string render_history(const Json& document, const Style& style) {
  Table table({"WINDOW", ">FLOWS", ">SENT", ">LOST ->", ">LOST <-", ">?", ">P50 us", ">P99 us",
               ">MAX us", "LOSS"});
  const Duration window = window_of(document);
  std::optional<WallTime> expected;
  for (const auto& row : member(document, "rows")) {
    const auto start = parse_rfc3339(text(row, "window_start"));
    if (expected && start && *start > *expected) {
      table.add({Cell(fmt::format("  ({} windows without a result)", (*start - *expected) / window),
                      Tone::kFaint)});
    }
    if (start) expected = *start + window;
    table.add({text(row, "window_start"), text(row, "flows"), text(row, "sent"),
               lost_cell(row, "lost_forward"), lost_cell(row, "lost_return"),
               text(row, "lost_undetermined"), rtt_text(row, "rtt_p50_us"),
               rtt_text(row, "rtt_p99_us"), rtt_text(row, "rtt_max_us"),
               Cell(loss_bar(row), Tone::kBad)});
  }
  auto head = fmt::format("{} -> {}, windows of {} s\n", text(document, "src"),
                          text(document, "dst"), text(document, "window_s"));
  if (flag(document, "truncated")) head += "older windows were left out: shorten --since\n";
  return head + (table.empty() ? "nothing was measured in this time\n" : table.text(style));
}

std::string render_slo(const Json& document, const Style& style) {
  Table table({text(document, "by"), ">AVAILABLE", ">BAD", ">PAIR-MINUTES", ">LOST", ">LOSS p50",
               ">p95", ">p99", ">RTT us p50", ">p95", ">p99"});
  const auto ratio = [](const Json& row, const char* key) -> std::string {
    const auto value = number(row, key);
    return value ? percent(*value) : "-";
  };
  const auto add = [&](const Json& row) {
    const auto available = number(row, "availability");
    const auto sent = number(row, "sent").value_or(0);
    table.add({text(row, "group"),
               Cell(available ? fmt::format("{:.4f} %", 100 * *available) : "-",
                    available && *available < 1 ? Tone::kWarn : Tone::kPlain),
               text(row, "pair_minutes_bad"), text(row, "pair_minutes"),
               sent > 0 ? percent(number(row, "lost").value_or(0) / sent) : "-",
               ratio(row, "loss_p50"), ratio(row, "loss_p95"), ratio(row, "loss_p99"),
               rtt_text(row, "rtt_p50_us"), rtt_text(row, "rtt_p95_us"),
               rtt_text(row, "rtt_p99_us")});
  };
  for (const auto& row : member(document, "rows")) add(row);
  add(member(document, "all"));
  const auto since = member(document, "measured_from").is_string()
                         ? fmt::format(", measured since {}", text(document, "measured_from"))
                         : std::string(", nothing was measured");
  return fmt::format("{} to {}{}\n", text(document, "from"), text(document, "to"), since) +
         table.text(style) +
         fmt::format("available: {} in which two nodes lost less than {} of their packets\n",
                     number(document, "step_s").value_or(60) > 60 ? "hours" : "minutes",
                     percent(number(document, "loss_max").value_or(0)));
}

}  // namespace faultline::cli
