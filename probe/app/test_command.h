// `faultline-probe test ping|port|mtu|trace|capture TARGET`: one test, run here and now, without a
// configuration or a controller; and `run --once`, the same for one STAMP reflector.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "common/ondemand/order.h"

namespace faultline::probe_app {

// Adds the commands to `app`; what they were given lies in here while `app` is parsed and run.
class TestCommands {
 public:
  explicit TestCommands(CLI::App& app);
  // Runs what was parsed and returns the exit code; empty when it was none of these commands.
  [[nodiscard]] std::optional<int> run() const;

 private:
  struct Given {
    std::string target, method, source, interval, timeout, output = "text", write;
    std::uint32_t count = 0;
    std::uint16_t port = 0, size = 0, source_port = 0, flows = 1, rate = 100, size_max = 0,
                  far_mtu = 0, seconds = 10;
    int dscp = 0;
    bool once = false;
  };
  void add_common(CLI::App& command);
  void add_ping(CLI::App& test);
  void add_port(CLI::App& test);
  void add_mtu(CLI::App& test);
  void add_trace(CLI::App& test);
  void add_capture(CLI::App& test);
  void add_run(CLI::App& app);
  [[nodiscard]] Result<ondemand::TestOrder> order() const;
  [[nodiscard]] int execute() const;

  Given given_;
  CLI::App* ping_ = nullptr;
  CLI::App* port_ = nullptr;
  CLI::App* mtu_ = nullptr;
  CLI::App* trace_ = nullptr;
  CLI::App* capture_ = nullptr;
  CLI::App* run_ = nullptr;
};

}  // namespace faultline::probe_app
