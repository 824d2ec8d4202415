// Maintenance windows and silences.
#include <fmt/format.h>

#include "controller/cli/render.h"

namespace faultline::cli {
namespace {

// "node=h1 rack=r1,r2"
std::string selector_text(const Json& silence) {
  std::string shown;
  for (const auto& [name, values] : member(silence, "selector").items()) {
    shown += (shown.empty() ? "" : " ") + name + "=" +
             joined(member(silence, "selector"), name.c_str(), ",");
  }
  return shown;
}

}  // namespace

std::string render_silences(const Json& document, const Style& style) {
  Table table({"ID", "KIND", "STATE", "WHAT", "FROM", "UNTIL", ">HELD", "AUTHOR", "COMMENT"});
  for (const auto& silence : member(document, "silences")) {
    const auto state = text(silence, "state");
    table.add({text(silence, "id"), text(silence, "kind"),
               Cell(state, state == "active" ? Tone::kWarn : Tone::kPlain), selector_text(silence),
               text(silence, "starts_at"), text(silence, "ends_at"),
               text(silence, "incidents_held"), text(silence, "author"), text(silence, "comment")});
  }
  return table.empty() ? "no maintenance windows and no silences\n" : table.text(style);
}

std::string render_silence(const Json& document, const Style&) {
  return fmt::format("{} {} of {}, from {} to {}, by {}: {}\n", text(document, "kind"),
                     text(document, "id"), selector_text(document), text(document, "starts_at"),
                     text(document, "ends_at"), text(document, "author"),
                     text(document, "comment"));
}

}  // namespace faultline::cli
