// The real HTTP server on a real unix socket, run by a thread of its own for as long as it lives.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "controller/api/http_server.h"
#include "tests/support/catch.h"

namespace faultline::api {

struct TemporaryDirectory {
  std::string path;

  TemporaryDirectory() {
    std::string pattern = "/tmp/faultline-api-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryDirectory() { ::rmdir(path.c_str()); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
};

class ServerThread {
 public:
  explicit ServerThread(Backend& backend, HttpServerOptions options = {}) {
    options.socket_path = socket_path();
    auto server = HttpServer::listen(loop_, tasks_, backend, std::move(options));
    REQUIRE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ServerThread() {
    async::asio::post(loop_, [this] { tasks_.stop(); });
    thread_.join();
    server_.reset();
    loop_.restart();
    loop_.run();  // what workers posted while they ended
  }

  [[nodiscard]] std::string socket_path() const { return directory_.path + "/api.sock"; }
  [[nodiscard]] const HttpServerCounters& counters() const { return server_->counters(); }
  // With TLS only.
  [[nodiscard]] std::uint16_t tls_port() const { return server_->tls_endpoint()->port; }
  void reload_tls() {
    async::asio::post(loop_, [this] { server_->reload_tls(); });
  }

 private:
  TemporaryDirectory directory_;
  async::asio::io_context loop_{1};
  async::TaskGroup tasks_{loop_, [](std::string_view, std::string_view) { std::abort(); }};
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

}  // namespace faultline::api
