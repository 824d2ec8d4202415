// ControllerUnderLoad: a real faultline-controller with a data directory of its own, its operator's
// API, and the comparison of its store with what was sent.
//
// Thread safety: none.
#pragma once

#include <optional>
#include <string>

#include "common/crypto/keys.h"
#include "controller/cli/client.h"
#include "probe/uplink/connection.h"
#include "tests/load/server.h"
#include "tests/load/source.h"

namespace faultline::load {

// The names of the nodes that a load consists of.
[[nodiscard]] std::string node_name(std::uint32_t index);
[[nodiscard]] std::vector<crypto::KeyPair> make_keys(std::uint32_t count);

class ControllerUnderLoad {
 public:
  struct Options {
    std::string program;                // faultline-controller
    std::filesystem::path directory{};  // for its data, configuration and log; must exist
    Duration window = std::chrono::seconds{10};
    // Of a node at most. The load reports flows of its own, whatever is planned: with many more
    // planned, thousands of probes mostly wait for their plans.
    std::uint32_t planned_flows = 512;
    std::string more_config{};  // YAML
  };
  explicit ControllerUnderLoad(Options options);

  // Returns when it is ready. After end() it starts again on the same data and port.
  [[nodiscard]] Status start();
  int end(int signal);

  // Where probes find it; once it was started.
  [[nodiscard]] uplink::Server server() const { return {endpoint_, key_}; }
  [[nodiscard]] pid_t pid() const { return server_->pid(); }
  [[nodiscard]] std::filesystem::path store() const { return options_.directory / "data/store"; }
  [[nodiscard]] std::string api() const;

 private:
  Options options_;
  std::string endpoint_;
  PublicKey key_{};
  std::optional<Server> server_;
};

// Places the keys of all probes at a controller, one POST each.
[[nodiscard]] Status enroll(const std::string& api, const std::vector<crypto::KeyPair>& keys);
// A counter or gauge of its /metrics; 0 where there is none of that name.
[[nodiscard]] double metric(const std::string& api, const std::string& name);
[[nodiscard]] cli::Outcome<std::string> get(const std::string& api, const std::string& target);

// What the store of a controller that does not run holds of what was sent.
struct Audit {
  std::uint64_t acknowledged = 0;    // windows
  std::uint64_t missing = 0;         // acknowledged, and not there
  std::uint64_t repeated = 0;        // there more than once
  std::uint64_t altered = 0;         // there, but not as sent
  std::uint64_t unacknowledged = 0;  // there, and not acknowledged yet: no fault
  std::uint64_t damaged = 0;         // places that could not be read

  [[nodiscard]] bool is_clean() const {
    return missing == 0 && repeated == 0 && altered == 0 && damaged == 0;
  }
};
[[nodiscard]] Result<Audit> audit(const std::filesystem::path& store, const Source& source,
                                  const LoadOptions& options);

}  // namespace faultline::load
