// The API over TLS on loopback: who gets in, what strangers cost, and renewal.
#include <filesystem>
#include <fstream>

#include "controller/api/tcp_socket.h"
#include "tests/integration/controller/api/fake_backend.h"
#include "tests/integration/controller/api/server_thread.h"
#include "tests/integration/controller/api/tls_client.h"
#include "tests/support/catch.h"
#include "tests/support/test_authority.h"

namespace faultline::api {
namespace {

using std::chrono::milliseconds;
using tests::TestAuthority;

HttpServerOptions with_tls(const TestAuthority& authority) {
  HttpServerOptions options;
  options.tls = TlsOptions{.listen = {IpAddress::v4(INADDR_LOOPBACK), 0},
                           .files = {authority.certificate(), authority.key()}};
  return options;
}

std::string request(const std::string& line, const std::string& token, bool close = true) {
  return line + " HTTP/1.1\r\nHost: localhost\r\n" +
         (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
         (close ? "Connection: close\r\n" : "") + "\r\n";
}

struct Bench {
  TestAuthority authority;
  FakeBackend backend;
  std::unique_ptr<ServerThread> server;

  Bench() { authority.sign(); }
  void start(HttpServerOptions options) {
    server = std::make_unique<ServerThread>(backend, std::move(options));
  }
  void start() { start(with_tls(authority)); }

  [[nodiscard]] TlsClient client() const { return {server->tls_port(), authority.authority()}; }
  [[nodiscard]] std::string ask(const std::string& line, const std::string& token) const {
    const TlsClient asking(server->tls_port(), authority.authority());
    REQUIRE(asking.connected());
    asking.write(request(line, token));
    return asking.read_all();
  }
  // A failing test waits at most this long for what never comes.
  template <typename Done>
  void wait_for(Done done) const {
    const auto guard = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < guard);
      std::this_thread::sleep_for(milliseconds{5});
    }
  }
};

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a token of each role gets as far as its role, and no further", "[api][tls]") {
  Bench bench;
  bench.start();
  struct Case {
    const char* line;
    int viewer;
    int operators;
    int admin;
  };
  const Case cases[] = {
      {"GET /api/v1/status", 200, 200, 200},
      {"GET /metrics", 200, 200, 200},
      {"GET /api/v1/bundle?since=10m", 200, 200, 200},
      {"DELETE /api/v1/tokens/t1", 403, 200, 200},
      {"DELETE /api/v1/nodes/h1", 403, 403, 200},
      {"GET /api/v1/access/tokens", 403, 403, 200},
      {"GET /api/v1/audit", 403, 403, 200},
  };
  for (const auto& [line, viewer, operators, admin] : cases) {
    CAPTURE(line);
    const auto status = [&](const char* role) {
      return std::stoi(bench.ask(line, bench.backend.access.text(role)).substr(9, 3));
    };
    CHECK(status("viewer") == viewer);
    CHECK(status("operator") == operators);
    CHECK(status("admin") == admin);
  }
  CHECK(bench.server->counters().forbidden.value() == 7);
}

TEST_CASE("a diagnosis has tests made for an operator only, and they are on record", "[api][tls]") {
  Bench bench;
  bench.start();
  const auto& access = bench.backend.access;
  const auto ask = [&](const char* query, const char* role) {
    const auto line = std::string("GET /api/v1/diagnose?a=h1&b=h9") + query;
    CHECK(says(bench.ask(line, access.text(role)), "200 OK"));
  };
  ask("", "viewer");
  ask("&tests=false", "admin");
  ask("", "operator");
  bench.wait_for([&] { return !access.records().empty(); });
  REQUIRE(access.records().size() == 1);
  const auto record = access.records().front();
  CHECK(record.who == "token operator");
  CHECK(record.method == "GET");
  CHECK(record.route == "/api/v1/diagnose");
  CHECK(record.subject == "h1 to h9: icmp");
  CHECK(record.outcome == access::AuditOutcome::kDone);
}

TEST_CASE("without a valid token the answer is 401, and the connection ends", "[api][tls]") {
  Bench bench;
  bench.start();
  const auto revoked = bench.backend.access.text("admin");
  REQUIRE(bench.backend.access.revoke_api_token("admin"));
  for (const auto& token :
       {std::string(), std::string("nonsense"), revoked, bench.backend.access.text("expired")}) {
    const auto client = bench.client();
    client.write(request("GET /api/v1/status", token, false));
    const auto answer = client.read_all();
    CHECK(answer.starts_with("HTTP/1.1 401 "));
    CHECK(says(answer, "WWW-Authenticate: Bearer"));
    CHECK(says(answer, "Connection: close"));
  }
  CHECK(says(bench.ask("GET /api/v1/status", bench.backend.access.text("expired")),
             "the API token expired expired at"));
  // Denied attempts are recorded with the address, and never with what was shown.
  bench.wait_for([&] { return bench.backend.access.records().size() == 5; });
  for (const auto& record : bench.backend.access.records()) {
    CHECK(record.peer.starts_with("127.0.0.1:"));
    CHECK_FALSE(says(to_json(record), revoked));
  }
}

TEST_CASE("who tries many tokens is answered with 429, and valid tokens still get in",
          "[api][tls]") {
  Bench bench;
  bench.start();
  int unauthenticated = 0;
  int limited = 0;
  for (int i = 0; i < 30; ++i) {
    const auto answer = bench.ask("GET /api/v1/status", fake_token_text(200));
    unauthenticated += answer.starts_with("HTTP/1.1 401 ") ? 1 : 0;
    limited += answer.starts_with("HTTP/1.1 429 ") ? 1 : 0;
  }
  CHECK(unauthenticated >= 10);
  CHECK(limited > 0);
  CHECK(unauthenticated + limited == 30);
  CHECK(says(bench.ask("GET /api/v1/status", bench.backend.access.text("viewer")), "200 OK"));
  CHECK(bench.server->counters().unauthenticated.value() == 30);
  CHECK(bench.server->counters().denials_unrecorded.value() > 0);
}

TEST_CASE("only TLS 1.2 and 1.3 are spoken", "[api][tls]") {
  Bench bench;
  bench.start();
  const auto authority = bench.authority.authority().string();
  CHECK_FALSE(TlsClient(bench.server->tls_port(), authority, TLS1_1_VERSION).connected());
  CHECK(TlsClient(bench.server->tls_port(), authority, TLS1_2_VERSION).version() == "TLSv1.2");
  CHECK(TlsClient(bench.server->tls_port(), authority).version() == "TLSv1.3");
  CHECK(bench.server->counters().handshakes_failed.value() == 1);
}

TEST_CASE("plain HTTP on the TLS port is told where to go, garbage is told nothing", "[api][tls]") {
  Bench bench;
  bench.start();
  const TcpClient plain(bench.server->tls_port());
  plain.write(request("GET /api/v1/status", ""));
  const auto answer = plain.read_all();
  CHECK(answer.starts_with("HTTP/1.1 400 "));
  CHECK(says(answer, "use https://"));
  const TcpClient garbage(bench.server->tls_port());
  garbage.write(std::string(100, '\xff'));
  CHECK_FALSE(says(garbage.read_all(), "HTTP"));
  CHECK(bench.server->counters().handshakes_failed.value() == 2);
}

TEST_CASE("who connects and says nothing is dropped when the handshake is due", "[api][tls]") {
  Bench bench;
  auto options = with_tls(bench.authority);
  options.tls->handshake_timeout = milliseconds{50};
  bench.start(options);
  const TcpClient silent(bench.server->tls_port());
  CHECK(silent.read_all().empty());
  const TcpClient slow(bench.server->tls_port());
  slow.write("\x16\x03\x01");
  CHECK(slow.read_all().empty());
  bench.wait_for([&] { return bench.server->counters().timeouts.value() == 2; });
}

TEST_CASE("one address holds so many connections, others are closed; the socket is unharmed",
          "[api][tls]") {
  Bench bench;
  bench.start();
  std::vector<std::unique_ptr<TcpClient>> held;
  for (std::size_t i = 0; i < kConnectionsPerAddressMax; ++i) {
    held.push_back(std::make_unique<TcpClient>(bench.server->tls_port()));
  }
  bench.wait_for(
      [&] { return bench.server->counters().connections.value() == kConnectionsPerAddressMax; });
  const TcpClient refused(bench.server->tls_port());
  CHECK(refused.read_all().empty());
  CHECK(bench.server->counters().connections_refused.value() == 1);
  held.clear();
  bench.wait_for([&] {
    const TlsClient again(bench.server->tls_port(), bench.authority.authority());
    return again.connected();
  });
}

TEST_CASE("a renewed certificate is for new connections, and open ones live on", "[api][tls]") {
  Bench bench;
  auto options = with_tls(bench.authority);
  options.tls->check_interval = milliseconds{20};
  bench.start(options);
  const auto token = bench.backend.access.text("viewer");
  const auto open = bench.client();
  const auto before = open.serial();
  bench.authority.sign();
  bench.wait_for([&] { return bench.client().serial() != before; });
  // Not the failures: a busy machine may look twice between the two files.
  CHECK(bench.server->counters().tls_reloads.value() == 1);
  open.write(request("GET /api/v1/version", token));
  CHECK(says(open.read_all(), "200 OK"));
}

TEST_CASE("a renewed certificate is taken at once when it is asked for", "[api][tls]") {
  Bench bench;
  bench.start();
  const auto before = bench.client().serial();
  bench.authority.sign();
  bench.server->reload_tls();
  bench.wait_for([&] { return bench.client().serial() != before; });
}

TEST_CASE("a renewal that cannot be used is counted once and changes nothing", "[api][tls]") {
  Bench bench;
  auto options = with_tls(bench.authority);
  options.tls->check_interval = milliseconds{20};
  bench.start(options);
  const auto before = bench.client().serial();
  const auto beside = bench.authority.file("beside.crt");
  std::ofstream(beside) << "not a certificate\n";
  std::filesystem::rename(beside, bench.authority.certificate());  // never seen half written
  bench.wait_for([&] { return bench.server->counters().tls_reload_failures.value() == 1; });
  CHECK(bench.client().serial() == before);
  std::filesystem::remove(bench.authority.key());
  bench.server->reload_tls();
  bench.wait_for([&] { return bench.server->counters().tls_reload_failures.value() == 2; });
  CHECK(bench.client().serial() == before);
  bench.authority.sign();
  bench.wait_for([&] { return bench.client().serial() != before; });
  CHECK(bench.server->counters().tls_reload_failures.value() == 2);
}

TEST_CASE("files that cannot serve are refused before anything listens", "[api][tls]") {
  TestAuthority authority;
  authority.sign();
  const auto refusal = [](const std::filesystem::path& certificate,
                          const std::filesystem::path& key) {
    const auto loaded = load_tls_identity({certificate, key});
    REQUIRE_FALSE(loaded);
    return loaded.error().context;
  };
  using Catch::Contains;
  CHECK(load_tls_identity({authority.certificate(), authority.key()}));
  CHECK_THAT(refusal("/no/such.crt", authority.key()), Contains("certificate /no/such.crt"));
  CHECK_THAT(refusal(authority.certificate(), authority.file("ca.key")),
             Contains("ca.key as the API's private key") && Contains("mismatch"));
  CHECK_THAT(refusal(authority.key(), authority.key()), Contains("as the API's certificate"));
  std::filesystem::permissions(authority.key(), std::filesystem::perms(0604));
  CHECK_THAT(refusal(authority.certificate(), authority.key()), Contains("chmod 600"));
}

TEST_CASE("listen endpoints are an address and a port", "[api][tls]") {
  CHECK(parse_listen_endpoint("0.0.0.0:7443") == Endpoint{IpAddress::v4(0), 7443});
  CHECK(to_string(*parse_listen_endpoint("[::1]:7443")) == "[::1]:7443");
  for (const auto* text : {"", "7443", ":7443", "localhost:7443", "0.0.0.0", "0.0.0.0:", "::1:7443",
                           "0.0.0.0:65536", "0.0.0.0:7443x", "[0.0.0.0]:7443", "[]:1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_listen_endpoint(text));
  }
}

TEST_CASE("an address in use is named, and leaves no socket file behind", "[api][tls]") {
  Bench bench;
  bench.start();
  auto options = with_tls(bench.authority);
  options.tls->listen.port = bench.server->tls_port();
  options.socket_path = bench.authority.file("second.sock");
  async::asio::io_context loop;
  async::TaskGroup tasks(loop, [](std::string_view, std::string_view) { std::abort(); });
  const auto second = HttpServer::listen(loop, tasks, bench.backend, options);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().context, Catch::Contains("Address already in use"));
  CHECK_FALSE(std::filesystem::exists(options.socket_path));
}

}  // namespace faultline::api
