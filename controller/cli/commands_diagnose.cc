// diagnose.
#include "controller/cli/client.h"
#include "controller/cli/clock.h"
#include "controller/cli/commands.h"
#include "controller/cli/diagnose_offline.h"
#include "controller/cli/time_argument.h"
#include "controller/diagnose/diagnosis.h"
#include "controller/diagnose/diagnosis_json.h"

namespace faultline::cli {
namespace {

struct DiagnoseOptions {
  std::string a;
  std::string b;
  std::uint16_t port = 0;
  bool udp = false;
  std::string at;
  std::string vpc;
  std::string record;
  std::string inputs;
  std::string facts;
  bool passive = false;
};

Outcome<std::string> target_of(const DiagnoseOptions& options, bool inputs) {
  auto target = "/api/v1/diagnose?a=" + url_encode(options.a) + "&b=" + url_encode(options.b);
  if (options.port != 0) {
    target += "&port=" + std::to_string(options.port);
    target += options.udp ? "&protocol=udp" : "";
  }
  if (!options.at.empty()) {
    FAULTLINE_CLI_TRY(const auto at, parse_time_argument(options.at, now_wall()));
    target += "&at=" + url_encode(format_rfc3339(at));
  }
  target += options.passive ? "&tests=false" : "";
  return inputs ? target + "&inputs=true" : target;
}

Outcome<diagnose::Inputs> gather(Context& context, const DiagnoseOptions& options) {
  if (!options.inputs.empty()) return read_inputs(options.inputs);
  if (!options.facts.empty()) {
    diagnose::Question question{.protocol = options.udp ? "udp" : "tcp"};
    if (options.port != 0) question.port = options.port;
    return inputs_of_folder(options.facts, std::move(question), options.a, options.b);
  }
  FAULTLINE_CLI_TRY(const auto target, target_of(options, true));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto answer, api.get(target));
  return parse_inputs(answer, "the controller's answer");
}

Outcome<ExitCode> run(Context& context, const DiagnoseOptions& options) {
  if (options.inputs.empty() && (options.a.empty() || options.b.empty())) {
    return usage("who is asked about? `faultline diagnose A B`, or --inputs FILE");
  }
  const bool here = !options.inputs.empty() || !options.facts.empty() || !options.vpc.empty() ||
                    !options.record.empty();
  if (!here) {
    FAULTLINE_CLI_TRY(const auto target, target_of(options, false));
    return context.query(target);
  }
  FAULTLINE_CLI_TRY(auto inputs, gather(context, options));
  if (!options.vpc.empty()) {
    if (auto added = add_cloud(options.vpc, inputs); !added) {
      return tl::unexpected(std::move(added).error());
    }
  }
  if (!options.record.empty()) {
    if (auto written = write_inputs(inputs, options.record); !written) {
      return tl::unexpected(std::move(written).error());
    }
  }
  return context.show(diagnose::to_json(diagnose::diagnose(inputs)));
}

}  // namespace

void add_diagnose_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DiagnoseOptions>();
  auto* command = add_command(
      app, "diagnose", "What is wrong between two machines, and the command that mends it",
      "  faultline diagnose h1 h9\n"
      "  faultline diagnose web db --port 5432\n"
      "  faultline diagnose web db --port 5432 --vpc snapshot/    (joined with the cloud's rules)\n"
      "  faultline diagnose h1 192.0.2.7                          (no probe there: from h1's "
      "side)\n"
      "  faultline diagnose h1 h9 --at 03:00\n"
      "  faultline diagnose h1 h9 --record case.json && faultline diagnose --inputs case.json\n"
      "  faultline diagnose h1 h9 --facts snapshots/              (needs no controller)\n"
      "Nine layers are looked at, from the probes outwards: what both ends say of themselves is "
      "joined\nwith what was measured between them and with what the localizer accuses. Live nodes "
      "are asked\nfor their configuration first. What that leaves open they test: a port that is "
      "asked "
      "for, a ping,\npackets of full size, some twenty packets in all (an operator's action, in "
      "the "
      "audit log; not with\n--passive). `faultline explain CODE` says more of each code.\n"
      "Exit code 0: the network is fine; 1: a fault; 2: nothing can be said.\n");
  command->add_option("A", options->a, "A node, or an address");
  command->add_option("B", options->b, "A node, or an address; one of the two is a node");
  command->add_option("--port", options->port, "A service's port at B")
      ->check(CLI::Range(1, 65535));
  command->add_flag("--udp", options->udp, "That port is UDP's; default: TCP's");
  command->add_flag("--passive", options->passive, "Have no packets sent");
  command->add_option("--at", options->at,
                      "As of this time: 14:05 (UTC), -30m, 2026-11-22T03:00:00Z; default: now");
  command->add_option("--vpc", options->vpc, "What `aws ec2 describe-...` printed")
      ->type_name("FOLDER");
  command->add_option("--record", options->record, "Keep what the answer is made of")
      ->type_name("FILE");
  command->add_option("--inputs", options->inputs, "Answer what --record kept, once more")
      ->type_name("FILE");
  command->add_option("--facts", options->facts, "Only compare the snapshots of this folder")
      ->type_name("FOLDER");
  command->callback([&context, options] {
    context.command = [&context, options] { return run(context, *options); };
  });
}

}  // namespace faultline::cli
