// vpc: what a snapshot of cloud networks says.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "controller/cli/commands.h"
#include "controller/cli/time_argument.h"
#include "controller/cli/vpc_compare.h"
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
    "Needs no credentials, and asks nothing of a cloud.\n";

struct VpcOptions {
  std::string folder;
  vpc::Question question;
  std::string protocol = "tcp";
  std::string client_ports;
  std::string at;  // of a comparison
  std::string since = "1m";
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

std::uint64_t sum(const Json& row, const char* key) {
  return static_cast<std::uint64_t>(number(row, key).value_or(0));
}

Outcome<Json> ask(const ApiClient& api, const std::string& target) {
  FAULTLINE_CLI_TRY(const auto answer, api.get(target));
  auto document = Json::parse(answer, nullptr, false);
  if (!document.is_object()) {
    return tl::unexpected(Failure{ExitCode::kUnreachable, "invalid", "the answer is no document"});
  }
  return document;
}

// What each node measured to each other in the interval.
Outcome<std::vector<MeasuredPair>> measured_pairs(const ApiClient& api,
                                                  const std::string& interval) {
  FAULTLINE_CLI_TRY(const auto nodes, ask(api, "/api/v1/nodes"));
  std::vector<MeasuredPair> pairs;
  for (const auto& from : member(nodes, "nodes")) {
    for (const auto& to : member(nodes, "nodes")) {
      const auto names = std::pair(text(from, "name"), text(to, "name"));
      if (names.first == names.second || pairs.size() >= kComparedPairsMax) continue;
      const auto target = fmt::format("/api/v1/history/{}/{}{}", url_encode(names.first),
                                      url_encode(names.second), interval);
      FAULTLINE_CLI_TRY(const auto history, ask(api, target));
      MeasuredPair pair{.from = names.first,
                        .to = names.second,
                        .from_address = text(from, "address"),
                        .to_address = text(to, "address")};
      for (const auto& row : member(history, "rows")) {
        const auto lost =
            sum(row, "lost_forward") + sum(row, "lost_return") + sum(row, "lost_undetermined");
        pair.sent += sum(row, "sent");
        pair.answered += sum(row, "sent") - std::min(lost, sum(row, "sent"));
      }
      if (pair.sent > 0) pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

Outcome<ExitCode> compare(Context& context, const VpcOptions& options) {
  FAULTLINE_CLI_TRY(const auto import, import_cloud(options.folder));
  FAULTLINE_CLI_TRY(const auto interval, interval_query(options.at, options.since));
  FAULTLINE_CLI_TRY(const auto api, context.client());
  FAULTLINE_CLI_TRY(const auto pairs, measured_pairs(api, interval));
  return context.show(compare_cloud(import.model, pairs).dump());
}

void add_compare(CLI::App& app, Context& context, const std::shared_ptr<VpcOptions>& options) {
  auto* command = add_command(
      app, "compare", "What the rules allow against what the fleet measures",
      std::string{
          "  faultline vpc compare snapshot\n"
          "  faultline vpc compare snapshot --at 03:00 --since 5m\n"
          "  faultline vpc compare snapshot -o json | jq '.pairs[] | select(.outcome == "
          "\"fails\")'\n"
          "Of every pair of nodes that the fleet measures and of which the snapshot has an end:\n"
          "allowed and works; allowed but fails (the rules are not the reason: faultline\n"
          "diagnose); denied and fails; denied but works (the snapshot is old). It works where\n"
          "one packet of the interval was answered, and fails where none of ten was. Asks the\n"
          "controller once per pair, 4000 pairs at most.\n"} +
          kSave +
          "Exit code 0: they agree; 1: something allowed fails; 2: the snapshot is old, or "
          "unknown.\n");
  command->add_option("FOLDER", options->folder, "The folder of the snapshot")->required();
  command->add_option("--at", options->at,
                      "End of the interval: 14:05 (UTC), -30m, 2026-11-22T03:00:00Z; default: now");
  command->add_option("--since", options->since, "Its length: 90s, 10m; default: 1m");
  command->callback([&context, options] {
    context.command = [&context, options] { return compare(context, *options); };
  });
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
  auto* command =
      add_command(app, "vpc", "What a snapshot of cloud networks says of reachability",
                  "  faultline vpc check snapshot\n"
                  "  faultline vpc reach snapshot app db --port 5432\n"
                  "  faultline vpc compare snapshot    (with what the fleet measures)\n");
  command->require_subcommand(1);
  const auto options = std::make_shared<VpcOptions>();
  add_check(*command, context, options);
  add_reach(*command, context, options);
  add_compare(*command, context, options);
}

}  // namespace faultline::cli
