// Stage: a controller process, the loop that its fake nodes live on, and the operator's side of it.
//
// Waiting is always for something that shows: an answer, a line of the log, a counter. A wait that
// takes longer than only a hang can take fails the test and prints the controller's log.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/async/asio.h"
#include "common/crypto/token.h"
#include "common/zmq/link_options.h"
#include "controller/cli/client.h"
#include "tests/integration/controller/app/controller_process.h"
#include "tests/support/catch.h"

namespace faultline::tests {

// A window is judged as soon as all have reported; the long timeout keeps a slow machine from
// judging it earlier.
inline constexpr const char* kPlanConfig = "plan: {flows_per_pair: 4, reply_timeout: 10s}\n";

class Stage {
 public:
  // Prepares the configuration: minimal_config() on a fixed port, few flows, and this.
  explicit Stage(const std::string& more_config = {}, const std::string& plan = kPlanConfig);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Returns when the controller is ready. After end() it starts again on the same data.
  void start();
  Exit end(int signal);
  void signal(int number) const { controller_->signal(number); }

  [[nodiscard]] async::asio::io_context& loop() { return loop_; }
  [[nodiscard]] zmq::Context& context() { return context_; }
  [[nodiscard]] const Folder& folder() const { return folder_; }
  [[nodiscard]] pid_t pid() const { return controller_->pid(); }
  [[nodiscard]] long resident_kib() const { return controller_->resident_kib(); }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] const PublicKey& controller_key() const { return controller_key_; }

  // Runs the loop until `done()`.
  template <typename Done>
  void wait_for(std::string_view what, Done done) {
    const auto guard = std::chrono::steady_clock::now() + std::chrono::seconds{120};
    loop_.restart();
    while (!done()) {
      if (controller_->has_ended()) give_up("the controller ended", what);
      if (std::chrono::steady_clock::now() > guard) give_up("nothing happened", what);
      loop_.run_one_for(std::chrono::milliseconds{50});
    }
  }
  // A line of the log, of this run of the controller, that holds all the words.
  void wait_for_log(std::initializer_list<std::string> words);

  // The operator's side.
  [[nodiscard]] nlohmann::json get(const std::string& target) const;
  nlohmann::json post(const std::string& target, const nlohmann::json& body) const;
  void remove_node(const std::string& name) const;
  [[nodiscard]] crypto::JoinToken make_token(const std::string& node) const;
  // The text of a new API token.
  [[nodiscard]] std::string make_api_token(const std::string& name, const std::string& role) const;
  // A counter or gauge of /metrics, by its full name.
  [[nodiscard]] std::uint64_t metric(std::string_view name) const;
  void wait_for_metric(std::string_view name, std::uint64_t value);

 private:
  [[noreturn]] void give_up(std::string_view why, std::string_view what) const;
  [[nodiscard]] cli::ApiClient client() const;

  Folder folder_;
  std::string config_;
  std::string endpoint_;
  PublicKey controller_key_;
  zmq::Context context_;
  async::asio::io_context loop_;
  // Without it a loop that nothing is registered with returns at once, and waiting takes a core.
  async::asio::executor_work_guard<async::asio::io_context::executor_type> waits_{
      loop_.get_executor()};
  std::unique_ptr<ControllerProcess> controller_;
};

}  // namespace faultline::tests
