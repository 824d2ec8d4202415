#include "tests/integration/controller/app/stage.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "common/crypto/key_file.h"

namespace faultline::tests {
namespace {

bool holds_all(const std::string& line, std::initializer_list<std::string> words) {
  return std::ranges::all_of(
      words, [&](const std::string& word) { return line.find(word) != std::string::npos; });
}

}  // namespace

Stage::Stage(const std::string& more_config, const std::string& plan)
    : endpoint_("tcp://127.0.0.1:" + std::to_string(find_ports())), context_(zmq::make_context()) {
  config_ = write_file(folder_.path() / "controller.yaml",
                       minimal_config(folder_.path(), endpoint_) + plan + more_config);
}

void Stage::start() {
  std::filesystem::remove(folder_.path() / "log");
  controller_ = std::make_unique<ControllerProcess>(std::vector<std::string>{"--config", config_},
                                                    folder_.path());
  wait_for_log({"ready", endpoint_});
  const auto keys = crypto::load_key_pair(folder_.path() / "data" / "controller.key");
  REQUIRE(keys);
  controller_key_ = keys->public_key;
}

Exit Stage::end(int signal) { return controller_->end(signal); }

void Stage::give_up(std::string_view why, std::string_view what) const {
  throw std::runtime_error(std::string(why) + " while waiting for " + std::string(what) +
                           "; the controller's log:\n" + controller_->log());
}

void Stage::wait_for_log(std::initializer_list<std::string> words) {
  std::string what = "a line with";
  for (const auto& word : words) what += " '" + word + "'";
  wait_for(what, [&] {
    std::istringstream log(controller_->log());
    for (std::string line; std::getline(log, line);) {
      if (holds_all(line, words)) return true;
    }
    return false;
  });
}

cli::ApiClient Stage::client() const {
  auto client = cli::ApiClient::create({.api = "unix:" + (folder_.path() / "api.sock").string()});
  REQUIRE(client);
  return *std::move(client);
}

nlohmann::json Stage::get(const std::string& target) const {
  const auto body = client().get(target);
  if (!body) FAIL("GET " << target << ": " << body.error().message);
  return nlohmann::json::parse(*body);
}

nlohmann::json Stage::post(const std::string& target, const nlohmann::json& body) const {
  const auto answer = client().post(target, body.dump());
  if (!answer) FAIL("POST " << target << ": " << answer.error().message);
  return nlohmann::json::parse(*answer);
}

void Stage::remove_node(const std::string& name) const {
  const auto done = client().remove("/api/v1/nodes/" + name);
  if (!done) FAIL("DELETE " << name << ": " << done.error().message);
}

crypto::JoinToken Stage::make_token(const std::string& node) const {
  const auto ask = [&] { return client().post("/api/v1/tokens", R"({"node":")" + node + R"("})"); };
  auto body = ask();
  // A disk that syncs for seconds takes longer than the API waits. It says so, and who needs a
  // token asks for another one.
  for (int i = 1;
       i < 10 && !body && body.error().message.find("may still happen") != std::string::npos; ++i) {
    body = ask();
  }
  if (!body) FAIL("POST tokens: " << body.error().message);
  const auto document = nlohmann::json::parse(*body);
  auto token = crypto::parse_token(document.at("token").get<std::string>());
  REQUIRE(token);
  return *std::move(token);
}

std::string Stage::make_api_token(const std::string& name, const std::string& role) const {
  const auto body = client().post("/api/v1/access/tokens",
                                  R"({"name":")" + name + R"(","role":")" + role + R"("})");
  if (!body) FAIL("POST access/tokens: " << body.error().message);
  return nlohmann::json::parse(*body).at("token").get<std::string>();
}

std::uint64_t Stage::metric(std::string_view name) const {
  const auto body = client().get("/metrics");
  if (!body) FAIL("GET /metrics: " << body.error().message);
  std::istringstream text(*body);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(std::string(name) + " ")) {
      return static_cast<std::uint64_t>(std::stod(line.substr(name.size() + 1)));
    }
  }
  FAIL("there is no metric " << name << " in\n" << *body);
  return 0;
}

void Stage::wait_for_metric(std::string_view name, std::uint64_t value) {
  wait_for(std::string(name) + " to reach " + std::to_string(value),
           [&] { return metric(name) >= value; });
}

}  // namespace faultline::tests
