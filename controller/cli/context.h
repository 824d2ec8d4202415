// What every command shares: the global options, the way to the controller, and how answers leave.
// Thread safety: none.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/cli/client.h"
#include "controller/cli/failure.h"
#include "controller/cli/progress.h"

namespace faultline::cli {

struct GlobalOptions {
  std::string api = "unix:/run/faultline/controller.sock";
  std::string token_file;  // for https; empty: $FAULTLINE_API_TOKEN
  std::string ca_file;     // empty: the system's authorities
  std::string output = "table";
  std::optional<std::string> timeout;  // else 30s, and for the tab key a moment

  [[nodiscard]] bool json() const { return output == "json"; }
};

using Command = std::function<Outcome<ExitCode>()>;

class Context {
 public:
  GlobalOptions options;
  Command command;  // chosen by the command line

  [[nodiscard]] Outcome<ApiClient> client();
  // GETs a document and shows it.
  [[nodiscard]] Outcome<ExitCode> query(const std::string& target, bool explain = false);
  // The same for one member of a collection, whose name was typed as `what`.
  [[nodiscard]] Outcome<ExitCode> query_one(const std::string& collection, const char* what,
                                            const std::string& name);
  // Shows a document: as it is with -o json, as text otherwise.
  [[nodiscard]] Outcome<ExitCode> show(const std::string& document, bool explain = false);
  // Before anything else is said.
  void end_progress() { progress_.reset(); }

 private:
  std::unique_ptr<Progress> progress_;
};

// Writes to stdout; a full disk or a closed pipe is a failure.
[[nodiscard]] Outcome<void> print(std::string_view text);

}  // namespace faultline::cli
