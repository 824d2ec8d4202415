#!/usr/bin/env bash
# Stages built programs for an image: stage-programs.sh FOLDER PROGRAM...
# FOLDER/usr/bin gets them without debug symbols, FOLDER/packages the Debian packages of the libraries they are linked
# with, one a line. It runs where they were built, because that is where those packages are installed.
set -euo pipefail

readonly EXIT_FAILED=1 EXIT_USAGE=3

fail() {
  echo "stage-programs.sh: $*" >&2
  exit "$EXIT_FAILED"
}

# The package that a library on this machine came from. Debian 12 knows some files by their path before /usr was merged.
package_of() {
  local library=$1 path
  path=$(ldconfig -p | awk -v name="$library" '$1 == name && /x86-64|aarch64|AArch64/ { print $NF; exit }')
  [[ -n $path ]] || fail "$library is not installed here; run: deploy/install-deps.sh build"
  path=$(realpath "$path")
  { dpkg -S "$path" 2>/dev/null || dpkg -S "${path#/usr}" 2>/dev/null; } | sed -n '1s/:.*//p'
}

main() {
  if (($# < 2)) || [[ $1 == -h || $1 == --help ]]; then
    echo "Usage: stage-programs.sh FOLDER PROGRAM..." >&2
    exit "$EXIT_USAGE"
  fi
  local folder=$1 program library package
  shift
  install -d "$folder/usr/bin"
  for program in "$@"; do
    [[ -x $program ]] || fail "$program is not there; run: deploy/build.sh release ${program##*/}"
    install -m 0755 --strip "$program" "$folder/usr/bin/"
  done
  for program in "$@"; do
    objdump -p "$program" | awk '$1 == "NEEDED" { print $2 }'
  done | sort -u | while read -r library; do
    package=$(package_of "$library")
    [[ -n $package ]] || fail "no Debian package holds $library, so an image cannot install it"
    echo "$package"
  done | sort -u >"$folder/packages"
  [[ -s $folder/packages ]] || fail "could not tell which libraries $* are linked with"
}

main "$@"
