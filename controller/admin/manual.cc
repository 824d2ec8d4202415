#include "controller/admin/manual.h"

namespace faultline::admin {
namespace {

manual::Section files() {
  return {.title = "Files",
          .entries = {
              {"/etc/faultline/controller.yaml",
               "The configuration. Every key can be overridden by an environment variable, for "
               "example FAULTLINE_DATA_DIR for data_dir or FAULTLINE_LOG_LEVEL for log.level."},
              {"/etc/faultline/topology.yaml", "The inventory that it may name."},
              {"/var/lib/faultline/controller",
               "data_dir, mode 0700: results, incidents and the controller's key. Whoever has the "
               "key is the controller: back it up, and keep the backup secret."},
              {"/run/faultline/controller.sock",
               "The API for operators; who may open the file may use it."}}};
}

manual::Section ports() {
  return {.title = "Ports",
          .entries = {{"7400/tcp",
                       "Probes connect here (ZeroMQ with CURVE); open it to every node. The "
                       "controller connects to nothing but the receivers of alerts it is given."}}};
}

manual::Section signals() {
  return {.title = "Signals",
          .entries = {{"SIGTERM, SIGINT",
                       "Stop: what is acknowledged is on disk, the rest is sent again by its "
                       "probe. A second one ends a process that hangs."},
                      {"SIGHUP", "Read the certificate and key of api.tls again."}}};
}

manual::Section service() {
  return {.title = "Service manager",
          .paragraphs = {
              "It says READY when the control port and the API socket listen (Type=notify), keeps "
              "a status line, and answers a watchdog (WatchdogSec=) while its loop ticks and its "
              "workers get on with their jobs."}};
}

manual::Section exit_status() {
  return {.title = "Exit status",
          .entries = {{"0", "Stopped as asked; done; with --health: healthy."},
                      {"1",
                       "Cannot run or do it, and one sentence on stderr says why; with "
                       "--health: not healthy, and the line on stdout says why."},
                      {"3", "Usage."}}};
}

}  // namespace

manual::Facts controller_manual() {
  return {.program = "faultline-controller",
          .section = "8",
          .version = FAULTLINE_VERSION,
          .date = "2026-11-26",
          .summary = "plans the measurements of a Faultline fleet and names what is at fault",
          .description =
              {"Without a command it runs as the controller: it tells probes what to measure, "
               "keeps what they report, works out which link or device is at fault, and alerts "
               "on-call by webhook. Operators ask it with faultline(1)."},
          .sections = {files(), ports(), signals(), service(), exit_status()},
          .examples = {{"Check a configuration before it is used:",
                        {"faultline-controller --config controller.yaml --check-config"}},
                       {"Wait until it serves, in a deployment:",
                        {"faultline-controller --health --wait 60s"}},
                       {"Back it up while it runs, and see that the file is good:",
                        {"faultline-controller backup --to /backup/faultline.tar.zst",
                         "faultline-controller restore --from /backup/faultline.tar.zst --verify"}},
                       {"On a new machine, before the controller starts there:",
                        {"faultline-controller restore --from /backup/faultline.tar.zst"}}},
          .see_also = {"faultline(1)", "faultline-probe(8)"}};
}

}  // namespace faultline::admin
