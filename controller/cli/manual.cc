#include "controller/cli/manual.h"

namespace faultline::cli {
namespace {

manual::Section exit_codes() {
  return {
      .title = "Exit codes",
      .paragraphs =
          {"status, localize, 'incident list', vpc, capture and check judge; the others end with 0 "
           "when they are done."},
      .entries = {{"0", "healthy, or done"},
                  {"1", "a fault was found"},
                  {"2",
                   "inconclusive: nothing was measured (matrix, too), or too little, or "
                   "more than 3 flows lose packets that no component explains"},
                  {"3", "bad arguments or bad input"},
                  {"4", "the controller cannot be reached or cannot answer"},
                  {"5", "denied"}}};
}

manual::Section files() {
  return {.title = "Files",
          .entries = {{"/run/faultline/controller.sock",
                       "The controller's API. Members of the group that owns it may use it."}}};
}

}  // namespace

manual::Facts cli_manual() {
  return {
      .program = "faultline",
      .section = "1",
      .version = FAULTLINE_VERSION,
      .date = "2026-11-26",
      .summary = "names the link or device that loses packets",
      .description =
          {"It asks the controller of a Faultline fleet, by its HTTP API. Times are typed as "
           "14:05 (UTC), -30m or 2026-11-22T03:00:00Z, lengths as 90s, 10m or 2h. Output is in "
           "UTC. stdout carries data only; sentences go to stderr. With -o json an error is a "
           "JSON document, too."},
      .sections = {exit_codes(), files()},
      .examples =
          {{"Is it the network?",
            {"faultline status                   one line, then what is being measured",
             "faultline localize --explain       the suspect, with evidence for and against it",
             "faultline path h1 h9               where the flows between two nodes go",
             "faultline history h1 h9 --since 1h"}},
           {"How was the last month?",
            {"faultline slo --since 30d --by rack", "faultline incident list --since 30d"}},
           {"Somebody is on it, or it is being mended:",
            {"faultline incident ack i-42",
             "faultline incident silence i-42 --for 8h --comment 'part is on its way'",
             "faultline maintenance add --rack r17 --for 4h --comment CHG-4711"}},
           {"What is watched, what it costs, and what a new configuration would change:",
            {"faultline plan coverage", "faultline plan budget", "faultline plan diff"}},
           {"Take it away and judge it elsewhere:",
            {"faultline bundle create --since 10m | zstd > capture.jsonl.zst",
             "faultline localize --bundle capture.jsonl.zst"}},
           {"Look at the numbers with other tools:",
            {"faultline export h1 h9 --since 24h --format jsonl --file h1-h9.jsonl",
             "faultline export --rows hours --since 30d --file month.csv"}},
           {"May A talk to B in the cloud, and which rule stops it?",
            {"faultline vpc reach snapshot app db --port 5432"}},
           {"What does that error mean, and what to check first?",
            {"faultline explain ECONNREFUSED"}},
           {"What is wrong between the hosts' own configurations?",
            {"faultline check", "faultline check --facts snapshots/", "faultline facts show h1"}},
           {"Is that port open from there, and which packets arrive?",
            {"faultline test port h1 h9 443", "faultline test mtu h1 h9",
             "faultline path h1 h9 --flows 64"}},
           {"Complete commands and names with the tab key (or zsh, fish):",
            {"source <(faultline --print-completion bash)"}}},
      .see_also = {"faultline-controller(8)", "faultline-probe(8)"},
      .common_footer = kCommonFooter};
}

}  // namespace faultline::cli
