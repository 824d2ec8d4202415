// The server on a real unix socket, spoken to byte by byte.
#include "controller/api/http_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <future>

#include "tests/integration/controller/api/fake_backend.h"
#include "tests/integration/controller/api/server_thread.h"
#include "tests/support/catch.h"

namespace faultline::api {
namespace {

// A blocking client.
class Client {
 public:
  explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void write(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has had enough
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // Until `end` was read, or the server closed.
  std::string read_until(std::string_view end) {
    std::string text;
    char buffer[65536];
    while (text.find(end) == std::string::npos) {
      const auto count = ::read(socket_, buffer, sizeof(buffer));
      if (count <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  std::string read_all() { return read_until("\x01 never sent"); }

 private:
  int socket_;
};

std::string get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}
const std::string kClose = "Connection: close\r\n";

std::string ask(const ServerThread& server, const std::string& request) {
  Client client(server.socket_path());
  client.write(request);
  return client.read_all();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a query is answered over the socket, several on one connection", "[api]") {
  FakeBackend backend;
  const ServerThread server(backend);
  Client client(server.socket_path());
  for (int i = 0; i < 3; ++i) {
    client.write(get("/api/v1/version"));
    const auto answer = client.read_until("api_version\":1}\n");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(contains(answer, "Content-Type: application/json\r\n"));
  }
  CHECK(server.counters().connections.value() == 1);
  CHECK(server.counters().requests.value() == 3);
}

TEST_CASE("only owner and group may use the socket file", "[api]") {
  FakeBackend backend;
  const ServerThread server(backend);
  struct stat info {};
  REQUIRE(::stat(server.socket_path().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0660);
}

TEST_CASE("a socket file in use is respected, a stale one is replaced, another file is kept",
          "[api]") {
  FakeBackend backend;
  async::asio::io_context loop;
  async::TaskGroup tasks(loop, [](std::string_view, std::string_view) { std::abort(); });
  const auto listen = [&](const std::string& path) {
    return HttpServer::listen(loop, tasks, backend, {.socket_path = path});
  };
  {
    const ServerThread server(backend);
    const auto second = listen(server.socket_path());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::kConflict);
    CHECK(contains(second.error().context, "another process"));
    CHECK(contains(ask(server, get("/api/v1/version", kClose)), "200 OK"));
  }
  const TemporaryDirectory directory;
  const auto path = directory.path + "/api.sock";
  {
    const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    ::close(stale);
  }
  {
    auto server = listen(path);
    REQUIRE(server);
    loop.poll();
    tasks.stop();
    loop.restart();
    loop.run();
  }
  CHECK(::access(path.c_str(), F_OK) != 0);
  ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  REQUIRE_FALSE(listen(path));
  CHECK(listen(path).error().code == ErrorCode::kConflict);
  CHECK(::access(path.c_str(), F_OK) == 0);
  ::unlink(path.c_str());
  REQUIRE_FALSE(listen(std::string(200, 'x')));
  CHECK(listen(std::string(200, 'x')).error().code == ErrorCode::kInvalid);
  CHECK_FALSE(listen("/nonexistent/below/api.sock"));
  CHECK(listen("relative/api.sock").error().code == ErrorCode::kInvalid);
}

TEST_CASE("garbage, oversized headers and oversized bodies are refused", "[api]") {
  FakeBackend backend;
  const ServerThread server(backend);
  CHECK(contains(ask(server, "\x16\x03\x01 hello\r\n\r\n"), "400 Bad Request"));
  CHECK(
      contains(ask(server, get("/", "X: " + std::string(kRequestHeaderMax, 'x') + "\r\n")), "431"));
  CHECK(contains(
      ask(server, "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
      "413"));
  CHECK(server.counters().malformed.value() == 3);
  CHECK(contains(ask(server, get("/api/v1/version", kClose)), "200 OK"));
}

TEST_CASE("a peer that sends nothing is dropped after the timeout", "[api]") {
  FakeBackend backend;
  const ServerThread server(backend, {.request_timeout = std::chrono::milliseconds{50}});
  Client client(server.socket_path());
  client.write("GET /api/v1/ver");
  CHECK(client.read_all().empty());
  while (server.counters().timeouts.value() == 0) std::this_thread::yield();
}

TEST_CASE("queries beyond the queue are answered with 503, not kept waiting", "[api]") {
  FakeBackend backend;
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::promise<void> busy;
  std::once_flag once;
  backend.before_answer = [&] {
    std::call_once(once, [&] { busy.set_value(); });
    released.wait();
  };
  const ServerThread server(backend);
  const auto request = get("/api/v1/status");
  Client first(server.socket_path());
  first.write(request);
  busy.get_future().wait();
  std::vector<std::unique_ptr<Client>> others;
  for (std::size_t i = 1; i < kConnectionsMax; ++i) {
    others.push_back(std::make_unique<Client>(server.socket_path()));
    others.back()->write(request);
  }
  const auto refused = kConnectionsMax - 1 - kQueriesQueuedMax;
  while (server.counters().overloaded.value() < refused) std::this_thread::yield();
  release.set_value();
  CHECK(contains(first.read_until("uptime_s"), "200 OK"));
  std::size_t refusals = 0;
  for (const auto& client : others) {
    const auto head = client->read_until("}");
    refusals += contains(head, "503 Service Unavailable") ? 1 : 0;
    CHECK((contains(head, "too many queries") || contains(head, "200 OK")));
  }
  CHECK(refusals == refused);
}

TEST_CASE("who asks for the status does not wait behind a long question", "[api]") {
  FakeBackend backend;
  std::promise<void> release;
  std::promise<void> busy;
  std::atomic<bool> is_first = true;
  backend.before_answer = [&] {
    if (!is_first.exchange(false)) return;
    busy.set_value();
    release.get_future().wait();
  };
  const ServerThread server(backend);
  Client slow(server.socket_path());
  slow.write(get("/api/v1/localize?since=24h"));
  busy.get_future().wait();
  for (const auto* target : {"/api/v1/status", "/api/v1/nodes", "/api/v1/nodes/h1",
                             "/api/v1/tokens", "/api/v1/version", "/metrics"}) {
    CHECK(contains(ask(server, get(target, kClose)), "200 OK"));
  }
  release.set_value();
  CHECK(contains(slow.read_until("\r\n\r\n"), "200 OK"));
}

TEST_CASE("a bundle arrives whole and in order, in chunks", "[api]") {
  FakeBackend backend;
  backend.bundle_lines = 50'000;
  const ServerThread server(backend);
  const auto answer = ask(server, get("/api/v1/bundle?since=10m", kClose));
  CHECK(contains(answer, "Transfer-Encoding: chunked\r\n"));
  CHECK(answer.ends_with("0\r\n\r\n"));
  std::string body;
  for (auto at = answer.find("\r\n\r\n") + 4; at < answer.size();) {
    const auto length = std::stoul(answer.substr(at), nullptr, 16);
    at = answer.find("\r\n", at) + 2;
    body += answer.substr(at, length);
    at += length + 2;
  }
  std::string expected;
  for (std::size_t i = 0; i < backend.bundle_lines; ++i) {
    expected += "{\"line\":" + std::to_string(i) + "}\n";
  }
  CHECK(body == expected);
}

TEST_CASE("a bundle that fails at once is an error document, later a broken-off answer", "[api]") {
  FakeBackend backend;
  backend.bundle_end = fail(ErrorCode::kUnavailable, "the store is closing");
  SECTION("at once") {
    backend.bundle_lines = 0;
    const ServerThread server(backend);
    const auto answer = ask(server, get("/api/v1/bundle?since=10m", kClose));
    CHECK(contains(answer, "503"));
    CHECK(contains(answer, "the store is closing"));
  }
  SECTION("later") {
    backend.bundle_lines = 50'000;
    const ServerThread server(backend);
    const auto answer = ask(server, get("/api/v1/bundle?since=10m"));
    CHECK(contains(answer, "200 OK"));
    CHECK_FALSE(answer.ends_with("0\r\n\r\n"));
  }
}

TEST_CASE("a producer stops when its reader goes away", "[api]") {
  FakeBackend backend;
  backend.bundle_lines = 5'000'000;
  {
    const ServerThread server(backend);
    Client client(server.socket_path());
    client.write(get("/api/v1/bundle?since=10m"));
    CHECK(contains(client.read_until("\r\n\r\n"), "200 OK"));
  }  // the client is gone, and the server waits for its threads
  CHECK(backend.bundles_abandoned == 1);
}

TEST_CASE("the server stops with connections open", "[api]") {
  FakeBackend backend;
  auto server = std::make_unique<ServerThread>(backend);
  Client idle(server->socket_path());
  Client half(server->socket_path());
  half.write("GET /api/v1");
  Client asked(server->socket_path());
  asked.write(get("/api/v1/version"));
  CHECK(contains(asked.read_until("\n"), "200 OK"));
  server.reset();
  CHECK(idle.read_all().empty());
}

}  // namespace faultline::api
