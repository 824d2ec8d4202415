#!/usr/bin/env bash
# Installs, builds and runs every test; ends with ctest's closing lines.
set -euo pipefail

readonly EXIT_USAGE=3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOF'
Usage: tests/run.sh [--fast] [CTEST OPTIONS...]

Installs missing packages (Debian 12), builds the presets release and asan, and runs all tests of the first and the
unit, property, simulation and integration tests of the second (their names begin with "sanitized.").
The lab and deployment tests need root; without it they are reported as skipped.

  --fast       neither the lab, nor the deployment tests, nor the sanitizer build
  -h, --help   this text

Other options go to ctest, for example: tests/run.sh --fast -R unit.controller
EOF
}

fast=no
ctest_options=()
while (($#)); do
  case $1 in
    --fast) fast=yes ;;
    -h | --help) usage; exit 0 ;;
    -*) ctest_options+=("$@"); break ;;
    *) usage >&2; exit "$EXIT_USAGE" ;;
  esac
  shift
done

say() { printf '\n== %s\n' "$*"; }

presets=(release)
groups=(build test)
if [[ $fast == no ]]; then
  presets+=(asan)
  groups+=(lab deploy)
else
  ctest_options+=(-LE '^(lab|deploy)$')
fi

say "Packages"
"$root/deploy/install-deps.sh" "${groups[@]}"
for preset in "${presets[@]}"; do
  say "Build, preset $preset"
  "$root/deploy/build.sh" "$preset"
done

# One ctest over both build folders, so that its closing lines are the verdict on everything.
mkdir -p "$root/build/tests"
for preset in "${presets[@]}"; do
  echo "subdirs(\"$root/build/$preset\")"
done >"$root/build/tests/CTestTestfile.cmake"

say "Tests"
if [[ $fast == no && $(id -u) != 0 ]]; then
  echo "NOT ROOT: the lab and deployment tests will be reported as skipped; run as root to run them"
fi
exec ctest --test-dir "$root/build/tests" --parallel "$(nproc)" --output-on-failure "${ctest_options[@]}"
