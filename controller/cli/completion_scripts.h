// The scripts that `faultline --print-completion SHELL` prints. They hand what is typed to
// `faultline complete words`, and its answer to the shell.
#pragma once

namespace faultline::cli {

[[nodiscard]] const char* bash_completion();
[[nodiscard]] const char* zsh_completion();
[[nodiscard]] const char* fish_completion();

}  // namespace faultline::cli
