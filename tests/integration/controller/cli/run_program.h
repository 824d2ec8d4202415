// Runs the real program and collects what it printed and how it ended.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::cli {

struct Run {
  int exit_code = -1;
  std::string out;
  std::string err;
};

struct RunOptions {
  std::vector<std::string> environment;  // NAME=value
  std::string input;                     // a file for stdin; empty: /dev/null
  uid_t uid = 0;                         // other than 0: run as this user (needs root)
};

namespace detail {

inline std::string take(FILE* file) {
  std::string text;
  char buffer[65536];
  std::rewind(file);
  for (auto size = std::fread(buffer, 1, sizeof(buffer), file); size > 0;
       size = std::fread(buffer, 1, sizeof(buffer), file)) {
    text.append(buffer, size);
  }
  std::fclose(file);
  return text;
}

inline std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// Groups go first: root's would open the socket.
inline bool become(uid_t uid) {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(uid, uid, uid) == 0 &&
         ::setresuid(uid, uid, uid) == 0;
}

}  // namespace detail

// Output goes to unlinked files: no pipe can fill up, however much is printed.
inline Run run_program(std::vector<std::string> arguments, const RunOptions& options = {}) {
  arguments.insert(arguments.begin(), "faultline");
  const auto argv = detail::pointers(arguments);
  const auto environment = detail::pointers(options.environment);
  // Opened here: another user need not be able to reach the build directory.
  const int program = ::open(FAULTLINE_PROGRAM, O_RDONLY | O_CLOEXEC);
  const int input = ::open(options.input.empty() ? "/dev/null" : options.input.c_str(), O_RDONLY);
  FILE* out = std::tmpfile();
  FILE* err = std::tmpfile();
  REQUIRE((program >= 0 && input >= 0 && out != nullptr && err != nullptr));
  const auto child = ::fork();
  if (child == 0) {
    ::dup2(input, STDIN_FILENO);
    ::dup2(::fileno(out), STDOUT_FILENO);
    ::dup2(::fileno(err), STDERR_FILENO);
    if (options.uid != 0 && !detail::become(options.uid)) ::_exit(99);
    ::fexecve(program, argv.data(), environment.data());
    ::_exit(98);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(program);
  ::close(input);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), detail::take(out),
          detail::take(err)};
}

}  // namespace faultline::cli
