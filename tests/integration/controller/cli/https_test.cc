// The program as a process, over https: what it trusts, what it shows, and how it says no.
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/integration/controller/api/fake_backend.h"
#include "tests/integration/controller/api/server_thread.h"
#include "tests/integration/controller/cli/run_program.h"
#include "tests/support/test_authority.h"

namespace faultline::cli {
namespace {

using api::FakeBackend;
using api::ServerThread;
using Catch::Contains;
using tests::TestAuthority;

struct Bench {
  TestAuthority authority;
  FakeBackend backend;
  std::unique_ptr<ServerThread> server;

  explicit Bench(const std::string& names = "DNS:localhost,IP:127.0.0.1", int days = 2) {
    authority.sign(names, days);
    api::HttpServerOptions options;
    options.tls = api::TlsOptions{.listen = {IpAddress::v4(0x7f000001), 0},
                                  .files = {authority.certificate(), authority.key()}};
    server = std::make_unique<ServerThread>(backend, std::move(options));
  }

  [[nodiscard]] std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(server->tls_port());
  }
  // A file with the fake token of this name; its path.
  [[nodiscard]] std::string token_file(const std::string& name, mode_t mode = 0600) const {
    const auto path = authority.file(name + ".token").string();
    std::ofstream(path) << backend.access.text(name) << "\n";
    ::chmod(path.c_str(), mode);
    return path;
  }
  // As it would be typed on another machine.
  [[nodiscard]] Run run(const std::string& line, const std::string& token_file_path) const {
    return run_env(line,
                   {"FAULTLINE_API=" + url(), "FAULTLINE_CA=" + authority.authority().string(),
                    "FAULTLINE_TOKEN_FILE=" + token_file_path});
  }
  [[nodiscard]] static Run run_env(const std::string& line, std::vector<std::string> environment) {
    std::istringstream stream(line);
    return run_program({std::istream_iterator<std::string>(stream), {}},
                       {.environment = std::move(environment), .input = {}, .uid = 0});
  }
};

}  // namespace

TEST_CASE("over https a token opens what its role may, and exit code 5 says the rest",
          "[cli][tls]") {
  const Bench bench;
  const auto viewer = bench.token_file("viewer");
  CHECK(bench.run("status", viewer).exit_code == 1);  // the fake fabric has a fault
  CHECK_THAT(bench.run("node list", viewer).out, Contains("h1    live"));
  const auto denied = bench.run("node token create", viewer);
  CHECK(denied.exit_code == 5);
  CHECK(denied.err ==
        "faultline: POST /api/v1/tokens needs the role operator; token viewer is viewer\n");
  CHECK(bench.run("node token create", bench.token_file("operator")).out == "flt1.secret\n");
  CHECK(bench.run("node remove h1", bench.token_file("operator")).exit_code == 5);
  CHECK(bench.run("node remove h1", bench.token_file("admin")).exit_code == 0);
}

TEST_CASE("a missing, expired or revoked token is exit code 5 with a sentence", "[cli][tls]") {
  Bench bench;
  const std::vector<std::string> environment{
      "FAULTLINE_API=" + bench.url(), "FAULTLINE_CA=" + bench.authority.authority().string()};
  const auto none = Bench::run_env("status", environment);
  CHECK(none.exit_code == 5);
  CHECK_THAT(none.err, Contains("--token-file"));
  const auto expired = bench.run("status", bench.token_file("expired"));
  CHECK(expired.exit_code == 5);
  CHECK_THAT(expired.err, Contains("the API token expired expired at"));
  const auto admin = bench.token_file("admin");
  CHECK(bench.run("status", admin).exit_code == 1);
  CHECK(bench.run("access token revoke admin", admin).out == "api_token admin removed\n");
  const auto revoked = bench.run("status", admin);
  CHECK(revoked.exit_code == 5);
  CHECK_THAT(revoked.err, Contains("it was revoked, or never made"));
  // The token itself in the environment does as well.
  auto with_token = environment;
  with_token.push_back("FAULTLINE_API_TOKEN=" + bench.backend.access.text("viewer"));
  CHECK(Bench::run_env("status", with_token).exit_code == 1);
}

TEST_CASE("a token file that is open to others, missing or no token is never sent", "[cli][tls]") {
  const Bench bench;
  const auto open = bench.run("status", bench.token_file("viewer", 0644));
  CHECK(open.exit_code == 3);
  CHECK_THAT(open.err, Contains("chmod 600"));
  CHECK(bench.run("status", "/no/such/token").exit_code == 3);
  const auto other = bench.authority.file("other").string();
  std::ofstream(other) << "hunter2\n";
  ::chmod(other.c_str(), 0600);
  const auto wrong = bench.run("status", other);
  CHECK(wrong.exit_code == 3);
  CHECK_THAT(wrong.err, Contains("is not an API token") && !Contains("hunter2"));
  CHECK(bench.server->counters().requests.value() == 0);
}

TEST_CASE("a certificate that proves nothing is exit code 4, and gets no token", "[cli][tls]") {
  const auto check = [](const Bench& bench, const std::string& url, const std::string& authority,
                        const char* sentence) {
    const auto run = Bench::run_env(
        "status", {"FAULTLINE_API=" + url, "FAULTLINE_TOKEN_FILE=" + bench.token_file("admin"),
                   authority.empty() ? "NOTHING=" : "FAULTLINE_CA=" + authority});
    CHECK(run.exit_code == 4);
    CHECK_THAT(run.err, Contains(sentence));
    CHECK(bench.server->counters().requests.value() == 0);
  };
  {
    const Bench bench;
    const TestAuthority other;
    check(bench, bench.url(), other.authority(), "is not the authority that signed it");
    check(bench, bench.url(), "", "name the file of the authority that signed it with --ca");
  }
  {
    const Bench bench("DNS:controller.example.net");
    check(bench, bench.url(), bench.authority.authority(), "is for another host name");
    check(bench, bench.url("127.0.0.1"), bench.authority.authority(), "is for another host name");
  }
  {
    const Bench bench("DNS:localhost", -1);
    check(bench, bench.url(), bench.authority.authority(), "has expired");
  }
}

TEST_CASE("what is not there or speaks no TLS is exit code 4", "[cli][tls]") {
  const Bench bench;
  auto away = Bench::run_env("status", {"FAULTLINE_API=https://127.0.0.1:1"});
  CHECK(away.exit_code == 4);
  CHECK_THAT(away.err, Contains("cannot reach the controller at https://127.0.0.1:1") &&
                           Contains("Connection refused") && Contains("api.tls"));
  CHECK(Bench::run_env("status", {"FAULTLINE_API=https://name.invalid:7443"}).exit_code == 4);
  const auto bad_ca =
      Bench::run_env("status", {"FAULTLINE_API=" + bench.url(), "FAULTLINE_CA=/no/such/ca.pem"});
  CHECK(bad_ca.exit_code == 3);
  CHECK_THAT(bad_ca.err, Contains("/no/such/ca.pem"));
}

TEST_CASE("an address is unix:PATH or https://HOST:PORT, never http", "[cli][tls]") {
  for (const auto* api : {"http://localhost:7443", "https://", "https://host/path",
                          "https://user@host", "https://host?x", "ftp://host"}) {
    CAPTURE(api);
    const auto run = Bench::run_env("status", {std::string("FAULTLINE_API=") + api});
    CHECK(run.exit_code == 3);
    CHECK_THAT(run.err, Contains("--api must be unix:/path/to/socket or https://HOST:7443"));
  }
}

TEST_CASE("tokens are made, listed and revoked, and the audit log tells of it", "[cli][tls]") {
  const Bench bench;
  const auto admin = bench.token_file("admin");
  const auto made = bench.run("access token create grafana --role viewer --lifetime 30d", admin);
  CHECK(made.exit_code == 0);
  CHECK(made.out == api::fake_token_text(99) + "\n");
  CHECK_THAT(made.err, Contains("not shown again"));
  CHECK_THAT(bench.run("access token list", admin).out,
             Contains("grafana   viewer") && !Contains(api::fake_token_text(99)));
  CHECK(bench.run("access token create grafana --role viewer", admin).exit_code == 3);
  CHECK(bench.run("access token create x --role root", admin).exit_code == 3);
  CHECK(bench.run("access token create x --role viewer --lifetime 5000d", admin).exit_code == 3);
  const auto audit = bench.run("audit list --since 1h", admin);
  CHECK_THAT(audit.out, Contains("token admin") && Contains("done") && Contains("refused") &&
                            Contains("POST access/tokens grafana (viewer)"));
}

}  // namespace faultline::cli
