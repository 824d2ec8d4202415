#include "controller/cli/completion_scripts.h"

namespace faultline::cli {

// bash splits words at = and :, which the program must see as they were typed; what it answers is
// cut again at the last of them, as bash replaces only what follows it.
const char* bash_completion() {
  return R"(# bash completion for faultline; printed by: faultline --print-completion bash
_faultline() {
  local word current prefix i words=() program=${COMP_WORDS[0]/#\~/$HOME}
  COMPREPLY=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $word == [=:]* || ${words[-1]} == *[=:] ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  current=${words[-1]}
  prefix=${current%"${current##*[=:]}"}
  while IFS=$'\t' read -r word _; do
    if [[ $word == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "${current##*[=:]}")
    else
      COMPREPLY+=("${word#"$prefix"}")
    fi
  done < <("$program" complete words -- "${words[@]}" 2>/dev/null)
}
complete -F _faultline faultline
)";
}

const char* zsh_completion() {
  return R"(#compdef faultline
# zsh completion for faultline; printed by: faultline --print-completion zsh
_faultline() {
  local word about
  local -a candidates
  while IFS=$'\t' read -r word about; do
    if [[ $word == :files ]]; then
      compset -P '*='
      _files
    else
      candidates+=("${word//:/\\:}:$about")
    fi
  done < <(${(Q)words[1]} complete words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#candidates )) && _describe -t words faultline candidates
}
if [[ $funcstack[1] == _faultline ]]; then
  _faultline "$@"
else
  compdef _faultline faultline
fi
)";
}

const char* fish_completion() {
  return R"(# fish completion for faultline; printed by: faultline --print-completion fish
function __faultline_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    for line in (faultline complete words -- $words "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
        else
            echo $line
        end
    end
end
complete -c faultline -f -a '(__faultline_complete)'
)";
}

}  // namespace faultline::cli
