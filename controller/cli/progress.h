// Says on stderr what a command is waiting for, once that has taken more than two seconds. On a
// terminal one line is rewritten and cleared at the end; elsewhere a line appears every ten
// seconds. Thread safety: none.
#pragma once

#include <string_view>

#include "common/base/time.h"

namespace faultline::cli {

class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::string_view text);
  // Clears the line: something else is to be said.
  void end();

 private:
  const bool terminal_;
  const Instant started_;
  Instant next_;
  bool shown_ = false;
};

}  // namespace faultline::cli
