// vpc: what a snapshot of cloud networks says.
#include "controller/cli/commands.h"
#include "controller/cli/vpc_offline.h"

namespace faultline::cli {
namespace {

constexpr const char* kSave =
    "FOLDER holds what the AWS CLI prints, a file per answer, of as many regions and accounts as\n"
    "you like, under any names:\n"
    "  for what in vpcs subnets route-tables security-groups network-acls network-interfaces \\\n"
    "      instances nat-gateways internet-gateways egress-only-internet-gateways \\\n"
    "      vpc-endpoints vpc-peering-connections \\\n"
    "      vpn-gateways vpn-connections prefix-lists managed-prefix-lists transit-gateways \\\n"
    "      transit-gateway-attachments transit-gateway-vpc-attachments \\\n"
    "      transit-gateway-route-tables; do\n"
    "    aws ec2 describe-$what > snapshot/$what.json\n"
    "  done\n"
    "  aws ec2 search-transit-gateway-routes --transit-gateway-route-table-id tgw-rtb-1 \\\n"
    "      --filters Name=state,Values=active,blackhole > snapshot/routes-tgw-rtb-1.json\n"
    "  aws ec2 get-managed-prefix-list-entries --prefix-list-id pl-1 > snapshot/pl-1.json\n"
    "The last two do not say whose they are: keep the id in the file's name.\n"
    "Needs no controller and no credentials, and asks nothing of a cloud.\n";

struct VpcOptions {
  std::string folder;
  vpc::Question question;
  std::string protocol = "tcp";
  std::string client_ports;
};

int protocol_number(const std::string& name) {
  if (name == "icmp") return vpc::kIcmp;
  return name == "udp" ? vpc::kUdp : vpc::kTcp;
}

Outcome<ExitCode> check(Context& context, const VpcOptions& options) {
  FAULTLINE_CLI_TRY(const auto document, vpc_check(options.folder));
  return context.show(document);
}

Outcome<ExitCode> reach(Context& context, const VpcOptions& options) {
  auto question = options.question;
  question.protocol = protocol_number(options.protocol);
  if (!options.client_ports.empty()) {
    FAULTLINE_CLI_TRY(question.client_ports, parse_port_range(options.client_ports));
  }
  FAULTLINE_CLI_TRY(const auto document, vpc_reach(options.folder, question));
  return context.show(document);
}

void add_check(CLI::App& app, Context& context, const std::shared_ptr<VpcOptions>& options) {
  auto* command =
      add_command(app, "check", "What a snapshot holds, what was not read, and what does not fit",
                  std::string{"  faultline vpc check snapshot\n"
                              "  faultline vpc check snapshot -o json | jq .inconsistencies\n"} +
                      kSave + "Exit code 1 means that something does not fit together.\n");
  command->add_option("FOLDER", options->folder, "The folder of the snapshot")->required();
  command->callback([&context, options] {
    context.command = [&context, options] { return check(context, *options); };
  });
}

void add_reach(CLI::App& app, Context& context, const std::shared_ptr<VpcOptions>& options) {
  auto* command = add_command(
      app, "reach", "May A talk to B, and if not, which rule stops it in which direction?",
      std::string{
          "  faultline vpc reach snapshot app db --port 5432\n"
          "  faultline vpc reach snapshot i-0abc 10.0.2.10 --protocol udp --port 53\n"
          "  faultline vpc reach snapshot 203.0.113.7 web           (from the internet)\n"
          "  faultline vpc reach snapshot 192.168.10.5 app --port 22  (from the office)\n"
          "  faultline vpc reach snapshot app 8.8.8.8 -o json | jq .stop\n"
          "A and B are ids of instances, interfaces or endpoints, names (the tag Name), or\n"
          "addresses, one of the two also an outside one.\n"} +
          kSave +
          "Exit code 0: it may; 1: a rule stops it; 2: unknown, or from some client ports only.\n"
          "'faultline explain CODE' says what the code of an answer means.\n");
  auto& question = options->question;
  command->add_option("FOLDER", options->folder, "The folder of the snapshot")->required();
  command->add_option("A", question.from, "Who starts")->required();
  command->add_option("B", question.to, "Who is asked")->required();
  command->add_option("--port", question.port, "The port at B; default: 443");
  command->add_option("--protocol", options->protocol, "tcp, udp or icmp (echo); default: tcp")
      ->check(CLI::IsMember({"tcp", "udp", "icmp"}));
  command->add_option("--client-ports", options->client_ports,
                      "What ports A may use, to which the answers go; default: 32768-65535");
  command->add_flag("--ipv6", question.ipv6, "Names and ids stand for their IPv6 addresses");
  command->callback([&context, options] {
    context.command = [&context, options] { return reach(context, *options); };
  });
}

}  // namespace

void add_vpc_commands(CLI::App& app, Context& context) {
  auto* command = add_command(app, "vpc", "What a snapshot of cloud networks says of reachability",
                              "  faultline vpc check snapshot\n"
                              "  faultline vpc reach snapshot app db --port 5432\n");
  command->require_subcommand(1);
  const auto options = std::make_shared<VpcOptions>();
  add_check(*command, context, options);
  add_reach(*command, context, options);
}

}  // namespace faultline::cli
