// capture: what two ends saw of the same packets.
#include "controller/cli/capture.h"
#include "controller/cli/capture_live.h"
#include "controller/cli/capture_offline.h"
#include "controller/cli/commands.h"

namespace faultline::cli {
namespace {

struct CaptureOptions {
  LiveCapture live;
  std::vector<std::string> files;
};

Outcome<ExitCode> compare(Context& context, const CaptureOptions& options) {
  const auto& live = options.live;
  if (!options.files.empty()) {
    FAULTLINE_CLI_TRY(const auto document, compare_files({.near = options.files.at(0),
                                                          .far = options.files.at(1),
                                                          .reflector_port = live.reflector_port,
                                                          .source_port = live.source_port}));
    return context.show(document);
  }
  if (live.near.empty() || live.far.empty()) return usage("name two nodes, or two --files");
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto document, capture_live(api, live));
  return context.show(document);
}

}  // namespace

void add_capture_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<CaptureOptions>();
  auto* command = add_command(
      app, "capture", "Which packets between two nodes are lost or changed, seen from both ends",
      "  faultline capture h1 h2                  (h1's packets to h2 and the replies; 10 s)\n"
      "  faultline capture h1 h2 --flow 61003 --seconds 30 --dir /tmp\n"
      "  faultline capture --files h1.pcapng h2.pcapng       (needs no controller)\n"
      "Both probes record their own packets at once, and need CAP_NET_RAW for it; the files are\n"
      "written as NODE.pcapng, for Wireshark. Packets are told by what they carry, so that NAT is\n"
      "no loss, and the clocks need not agree. Without a controller `faultline-probe test capture\n"
      "--help` records one end. Ctrl-C ends both. `plan show A` has the flows' ports.\n"
      "Exit code 1: lost, damaged, rewritten or not answered.\n");
  auto& live = options->live;
  live.folder = ".";
  command->add_option("A", live.near, "The node that sends");
  command->add_option("B", live.far, "The node that answers");
  command->add_option("--flow", live.source_port, "Only the flow of this source port of A's");
  command->add_option("--seconds", live.seconds, "How long, 1 to 60")
      ->check(CLI::Range(1, 60))
      ->capture_default_str();
  command->add_option("--dir", live.folder, "Where to write the files; made if it is missing")
      ->type_name("FOLDER")
      ->capture_default_str();
  command
      ->add_option("--files", options->files,
                   "Compare these: captured where packets come from, and where they are answered")
      ->type_name("NEAR FAR")
      ->expected(2);
  command->add_option("--reflector-port", live.reflector_port, "Where B answers")
      ->capture_default_str();
  command->callback([&context, options] {
    context.command = [&context, options] { return compare(context, *options); };
  });
}

}  // namespace faultline::cli
