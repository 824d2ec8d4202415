// capture: what two ends saw of the same packets.
#include "controller/cli/capture_offline.h"
#include "controller/cli/commands.h"

namespace faultline::cli {
namespace {

struct CaptureOptions {
  std::vector<std::string> files;
  std::uint16_t flow = 0;
  std::uint16_t reflector_port = 862;
};

Outcome<ExitCode> compare(Context& context, const CaptureOptions& options) {
  FAULTLINE_CLI_TRY(const auto document, compare_files({.near = options.files.at(0),
                                                        .far = options.files.at(1),
                                                        .reflector_port = options.reflector_port,
                                                        .source_port = options.flow}));
  return context.show(document);
}

}  // namespace

void add_capture_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<CaptureOptions>();
  auto* command = add_command(
      app, "capture", "Which packets between two nodes are lost or changed, seen from both ends",
      "  faultline-probe test capture h2 --port 862 -w h1.pcapng           (on h1, and at once)\n"
      "  faultline-probe test capture h1 --source-port 862 -w h2.pcapng    (on h2)\n"
      "  faultline capture --files h1.pcapng h2.pcapng\n"
      "Packets are told by what they carry, so that NAT is no loss; the clocks of the two\n"
      "machines need not agree. Exit code 1: lost, damaged, rewritten or not answered.\n");
  command
      ->add_option("--files", options->files,
                   "What was captured where packets come from, and where they are answered")
      ->type_name("NEAR FAR")
      ->expected(2)
      ->required();
  command->add_option("--flow", options->flow, "Only the flow of this source port");
  command->add_option("--reflector-port", options->reflector_port, "Where the far end answers")
      ->capture_default_str();
  command->callback([&context, options] {
    context.command = [&context, options] { return compare(context, *options); };
  });
}

}  // namespace faultline::cli
