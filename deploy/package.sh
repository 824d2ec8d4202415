#!/usr/bin/env bash
# Makes the Debian packages faultline-probe, faultline-controller and faultline from binaries that were built before.
# Nothing is compiled, and nothing is written outside of --output: debhelper works in a temporary folder.
set -euo pipefail

readonly EXIT_FAILED=1 EXIT_USAGE=3
readonly PROGRAMS=(faultline-probe faultline-controller faultline)
readonly MAINTAINER="The Faultline maintainers <maintainers@faultline.invalid>"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<END
Usage: package.sh [--output DIR] [--version V] [--binaries DIR]

Makes faultline-probe_V_ARCH.deb, faultline-controller_V_ARCH.deb and faultline_V_ARCH.deb, and their debug symbols.

  --output DIR     where they go; older packages of the same version are replaced (default: build/packages)
  --version V      a Debian version without a revision, as 0.2.0~test1 (default: the version in CMakeLists.txt)
  --binaries DIR   where the built programs are (default: build/release/bin, which deploy/build.sh release makes)

The same binaries give the same packages, byte for byte: their date is SOURCE_DATE_EPOCH, or else the last commit's.
DEB_BUILD_OPTIONS=noautodbgsym leaves the debug symbols out. Needs: deploy/install-deps.sh deploy.
END
}

fail() {
  echo "package.sh: $*" >&2
  exit "$EXIT_FAILED"
}

value_of() {
  [[ $# -ge 2 && -n $2 ]] || { echo "package.sh: $1 needs a value" >&2; usage >&2; exit "$EXIT_USAGE"; }
  echo "$2"
}

check() {
  local program
  for program in dpkg-buildpackage dh dpkg-shlibdeps; do
    command -v "$program" >/dev/null || fail "$program is not installed; run: deploy/install-deps.sh deploy"
  done
  if ! dpkg --validate-version "$version" 2>/dev/null || [[ $version == *[-:]* ]]; then
    fail "'$version' is not a Debian version without epoch and revision; give one such as 0.2.0~test1"
  fi
  for program in "${PROGRAMS[@]}"; do
    [[ -x $binaries/$program ]] ||
      fail "$binaries/$program is not there; run: deploy/build.sh release ${PROGRAMS[*]}, or name another --binaries"
  done
}

# Both texts come from the program's own definitions, so they cannot differ from what it does.
said_by() {
  local program=$1
  shift
  "$binaries/$program" "$@" || fail "'$program $*' failed; the binaries are older than this script: build them again"
}

stage_texts() {
  local program page section
  mkdir -p man completion/bash completion/zsh completion/fish
  for program in "${PROGRAMS[@]}"; do
    page=$(said_by "$program" --print-manual)
    section=$(sed -nE '1,9s/^\.TH "?[^ "]+"? "?([1-8])"?.*/\1/p' <<<"$page")
    [[ -n $section ]] || fail "the manual page of $program names no section in a .TH line"
    echo "$page" >"man/$program.$section"
  done
  said_by faultline --print-completion bash >completion/bash/faultline
  said_by faultline --print-completion zsh >completion/zsh/_faultline
  said_by faultline --print-completion fish >completion/fish/faultline.fish
}

# The sources' own changelog, below an entry for the version where that is another one.
stage_changelog() {
  local newest
  newest=$(dpkg-parsechangelog -l debian/changelog -S Version)
  [[ $version == "$newest" ]] && return
  {
    printf 'faultline (%s) bookworm; urgency=medium\n\n  * Built from the sources of %s.\n\n -- %s  %s\n\n' \
      "$version" "$source_version" "$MAINTAINER" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
    cat "$root/deploy/debian/changelog"
  } >debian/changelog
}

stage() {
  local program
  mkdir -p bin config
  for program in "${PROGRAMS[@]}"; do
    cp "$binaries/$program" bin/
  done
  cp -r "$root/deploy/debian" debian
  mv debian/default config/default
  cp "$root"/deploy/config/*.yaml config/
  for program in faultline-probe faultline-controller; do
    cp "$root/deploy/systemd/$program.service" "debian/$program.service"
  done
  stage_texts
  stage_changelog
}

main() {
  output=$root/build/packages
  binaries=$root/build/release/bin
  source_version=$(sed -nE 's/^project\(faultline VERSION ([0-9.]+).*/\1/p' "$root/CMakeLists.txt")
  version=$source_version
  while (($#)); do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --output) output=$(value_of "$@"); shift 2 ;;
      --version) version=$(value_of "$@"); shift 2 ;;
      --binaries) binaries=$(value_of "$@"); shift 2 ;;
      *) usage >&2; exit "$EXIT_USAGE" ;;
    esac
  done
  [[ -d $binaries ]] && binaries=$(cd "$binaries" && pwd)
  check
  mkdir -p "$output"
  output=$(cd "$output" && pwd)

  : "${SOURCE_DATE_EPOCH:=$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/CMakeLists.txt")}"
  export SOURCE_DATE_EPOCH
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/faultline"
  cd "$work/faultline"
  stage
  dpkg-buildpackage -b -us -uc -nc >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "debhelper failed; its words are above"; }
  grep -E 'warning' "$work/log" >&2 || true
  mv -f "$work"/*.deb "$output/"
  (cd "$output" && ls -1 faultline*_"${version}"_*.deb)
}

main "$@"
