#include "probe/app/manual.h"

namespace faultline::probe_app {
namespace {

manual::Section files() {
  return {.title = "Files",
          .entries = {
              {"/etc/faultline/probe.yaml",
               "The configuration. Every key can be overridden by an environment variable, for "
               "example FAULTLINE_ADDRESS for address or FAULTLINE_LOG_LEVEL for log.level."},
              {"/etc/faultline/token", "The one-use token with which the node joins."},
              {"/var/lib/faultline/probe",
               "state_dir, mode 0700: the node's key, its membership, its plan, what is not yet "
               "reported, and health.json, rewritten every 3 seconds while the probe runs."}}};
}

manual::Section ports() {
  return {.title = "Ports",
          .paragraphs = {"Open these between all nodes, both ways:"},
          .entries = {{"862/udp", "Answers measurement packets (reflector_port)."},
                      {"61000-61015/udp", "Where its own leave from (ports)."},
                      {"7401/tcp", "Other probes ask for traces back (mesh_port)."},
                      {"7400/tcp", "To the controller, outgoing only."}}};
}

manual::Section privileges() {
  return {.title = "Privileges",
          .paragraphs = {
              "CAP_NET_BIND_SERVICE for reflector_port below 1024, and nothing else: it "
              "opens no raw socket and needs no root. `faultline-probe facts` tells of the "
              "firewall only with CAP_NET_ADMIN, and says so where it is missing. `test ping` "
              "by ICMP needs a group of net.ipv4.ping_group_range, or CAP_NET_RAW, and a capture "
              "CAP_NET_RAW. `check` says which of these it has, as whoever runs it."}};
}

manual::Section signals() {
  return {.title = "Signals",
          .entries = {{"SIGTERM, SIGINT",
                       "Stop. What is not reported stays on disk and is sent by the next start. A "
                       "second one ends a process that hangs."},
                      {"SIGHUP",
                       "Read the configuration again. labels, strangers, spool.size_max and "
                       "log.level take effect at once; what else differs is named in the log and "
                       "takes effect at the next start. A file with a mistake changes nothing, and "
                       "the log says what is wrong."}}};
}

manual::Section service() {
  return {.title = "Service manager",
          .paragraphs = {
              "It says READY when its sockets are open and its engine runs (Type=notify), keeps a "
              "status line, and answers a watchdog (WatchdogSec=) while its loop ticks and its "
              "engine makes progress."}};
}

manual::Section health() {
  return {.title = "Health",
          .paragraphs = {
              "--health judges health.json: healthy is a probe whose process lives and writes, "
              "that has joined, and that measures by a plan whose lease runs, in touch with a "
              "controller or spooling until one is back. --wait asks for more: welcomed by the "
              "controller, and with a first window reported."}};
}

manual::Section exit_status() {
  return {.title = "Exit status",
          .entries = {
              {"0",
               "Stopped by a signal; done; with --health: healthy; of a test: nothing is "
               "wrong."},
              {"1",
               "Cannot run, and one sentence on stderr says why; with --health: not "
               "healthy, and the line on stdout says why; of a test: it found a fault; of check: "
               "something failed."},
              {"2", "A test that says neither."},
              {"3", "Usage."}}};
}

}  // namespace

manual::Facts probe_manual() {
  return {
      .program = "faultline-probe",
      .section = "8",
      .version = FAULTLINE_VERSION,
      .date = "2026-11-26",
      .summary = "measures loss, delay and paths between the nodes of a Faultline fleet",
      .description =
          {"It measures reachability, loss, delay and paths to the peers that its controller "
           "plans, all the time, and reports once per window. Beside that it sends only what an "
           "operator orders (`faultline test`), within fixed bounds. It answers only its plan's "
           "peers, and stops when it has not heard of a controller for the "
           "plan's lease (1 hour)."},
      .sections = {files(), ports(), privileges(), signals(), service(), health(), exit_status()},
      .examples = {{"Check a configuration before it is used:",
                    {"faultline-probe --config probe.yaml --check-config"}},
                   {"Before a roll-out, look whether the machine is fit:",
                    {"faultline-probe check", "faultline-probe check -o json"}},
                   {"In a deployment, wait until the node measures:",
                    {"faultline-probe --health --wait 60s"}},
                   {"See what this machine says of its own network, without a controller:",
                    {"faultline-probe facts"}},
                   {"Test something from here, without a controller:",
                    {"faultline-probe test port db1 5432", "faultline-probe test mtu 192.0.2.9",
                     "faultline-probe test trace 192.0.2.9 --flows 64 -o json"}},
                   {"Measure any STAMP or TWAMP Light reflector:",
                    {"faultline-probe run --once 192.0.2.9 --port 862 -o json"}}},
      .see_also = {"faultline(1)", "faultline-controller(8)"}};
}

}  // namespace faultline::probe_app
