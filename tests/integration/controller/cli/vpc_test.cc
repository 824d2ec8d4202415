// `faultline vpc` as a process, on the worlds of the written cases; no controller can be reached.
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/integration/controller/cli/run_program.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::json;
using Catch::Contains;
namespace fs = std::filesystem;

Run vpc(std::vector<std::string> words) {
  words.insert(words.begin(), "vpc");
  return run_program(
      words, {.environment = {"FAULTLINE_API=unix:/nowhere/api.sock"}, .input = {}, .uid = 0});
}

std::string world(const char* name) { return std::string{VPC_DATA} + "/worlds/" + name; }

// A folder that goes away with it.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("faultline-vpc-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path / "below"); }
  ~Folder() { fs::remove_all(path); }
  void write(const char* name, const char* text) const { std::ofstream(path / name) << text; }
};

}  // namespace

TEST_CASE("who may talk is told in words, with exit code 0", "[cli][vpc]") {
  const auto run = vpc({"reach", world("office"), "app", "db", "--port", "5432"});
  CHECK(run.err.empty());
  CHECK(run.exit_code == 0);
  CHECK_THAT(run.out,
             Catch::StartsWith("[allowed] app (i-app) may talk to db (i-db) on tcp 5432\n"));
  CHECK_THAT(run.out, Contains("tcp 5432 from sg-app") && Contains("10.0.0.0/16 -> local"));
}

TEST_CASE("who may not is told with rule, direction and code, with exit code 1", "[cli][vpc]") {
  const auto run = vpc({"reach", world("office"), "192.168.10.5", "web", "-o", "json"});
  CHECK(run.exit_code == 1);
  const auto document = Json::parse(run.out);
  CHECK(document["schema"] == "faultline.vpc_reach/1");
  CHECK(document["verdict"] == "denied");
  CHECK(document["stop"]["direction"] == "return");
  CHECK(document["stop"]["code"] == "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS");
  CHECK(document["stop"]["element"] == "igw-main");
}

TEST_CASE("what a snapshot lacks makes the answer unknown, with exit code 2", "[cli][vpc]") {
  const auto run = vpc({"reach", world("peers"), "a", "10.9.0.5"});
  CHECK(run.exit_code == 2);
  CHECK_THAT(run.out, Catch::StartsWith("[unknown]") && Contains("vpc-foreign") &&
                          Contains("faultline explain NOT_IN_SNAPSHOT"));
}

TEST_CASE("check tells what was read and what was not, below the folder, too", "[cli][vpc]") {
  const Folder folder;
  folder.write("below/one", R"({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]})");
  folder.write("notes.txt", "not for you");
  const auto run = vpc({"check", folder.path.string()});
  CHECK(run.exit_code == 0);
  CHECK_THAT(run.out, Contains("vpc-1") && Contains("10.0.0.0/16") &&
                          Contains("notes.txt: not JSON") && Contains("1  networks"));
  const auto office = vpc({"check", world("office")});
  CHECK(office.exit_code == 1);
  CHECK_THAT(office.out, Contains("has 1 of its 2 tunnels down"));
}

TEST_CASE("bad input is one sentence and exit code 3", "[cli][vpc]") {
  const Folder folder;
  const auto refused = [](const Run& run, const std::string& sentence) {
    CHECK(run.exit_code == 3);
    CHECK(run.err == "faultline: " + sentence + "\n");
    CHECK(run.out.empty());
  };
  refused(vpc({"check", "/nowhere"}),
          "/nowhere is not a folder; save what 'aws ec2 describe-...' prints into one");
  refused(vpc({"check", folder.path.string()}), "none of the 0 files in " + folder.path.string() +
                                                    " is an answer of the AWS CLI that is known");
  folder.write("vpcs.json", R"({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "ten"}]})");
  refused(vpc({"check", folder.path.string()}),
          "vpcs.json: Vpcs[0].CidrBlock: \"ten\" is not a prefix such as 10.0.0.0/16");
  folder.write("vpcs.json", R"({"Vpcs": [{"VpcId": "vpc-1", "Cidr)");
  for (const auto& words :
       {std::vector<std::string>{"check", folder.path.string()},
        std::vector<std::string>{"reach", folder.path.string(), "app", "web"}}) {
    refused(vpc(words),
            "vpcs.json: the JSON breaks off at byte 34 (a download that was cut off?); fetch it "
            "again: aws ec2 describe-vpcs > vpcs.json");
  }
  refused(vpc({"reach", world("office"), "nobody", "web"}),
          "'nobody' is no id, name or address in the snapshot; 'faultline vpc check' lists what "
          "was read");
  refused(vpc({"reach", world("office"), "app", "web", "--client-ports", "9-8"}),
          "'9-8' is not a range of ports such as 32768-60999");
}

}  // namespace faultline::cli
