#!/usr/bin/env bash
# Installs, builds and runs every test; ends with ctest's closing lines.
set -euo pipefail

readonly EXIT_USAGE=3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOF'
Usage: tests/run.sh [--fast] [CTEST OPTIONS...]

Installs missing packages (Debian 12), builds the presets release and asan, and runs the tests of both: integration with
both, unit and fuzz with the second only, all others with the first only (most of the second have names that
begin with "sanitized."). The second is built while the first is tested; that is the test "build.asan".
The lab and deployment tests need root; without it they are reported as skipped.

  --fast       only the preset release, with all its tests but the lab and the deployment
  -h, --help   this text

Other options go to ctest, for example: tests/run.sh --fast -R unit.controller
EOF
}

fast=no
ctest_options=()
# By preset. What is pure finds its mistakes under the sanitizers; a fleet on virtual
# time and thousands of random inputs take far too long there.
release_layers="property;sim;integration;load;lab;deploy;bench;campaign;tidy"
asan_layers="unit;integration;fuzz;bench;campaign"  # the last two for what tests share with them
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

say "Packages"
"$root/deploy/install-deps.sh" build test
if [[ $fast == yes ]]; then
  ctest_options+=(-LE '^(lab|deploy)$')
  release_layers="unit;fuzz;$release_layers"
else  # what only tests need is installed while the compiler works
  mkdir -p "$root/build/tests"
  later="$root/build/tests/packages.log"
  "$root/deploy/install-deps.sh" lab deploy >"$later" 2>&1 &
fi
say "Build, preset release"
(cd "$root" && cmake --preset release "-DFAULTLINE_TEST_LAYERS=$release_layers" --log-level=WARNING >/dev/null)
built=0 installed=0
"$root/deploy/build.sh" release || built=$?
if [[ $fast == no ]]; then
  wait $! || installed=$?
  say "Packages of the lab and the deployment tests"
  cat "$later"
fi
((built == 0)) || exit "$built"
((installed == 0)) || exit "$installed"

# One ctest over both build folders, so that its closing lines are the verdict on everything. The sanitizer build is its
# first test, on which the sanitized ones wait: those of the release build, which mostly wait, run beside it meanwhile. So
# that the build takes only what they leave, it is a session of its own with the least weight (autogroup: sched(7)).
mkdir -p "$root/build/tests"
echo "subdirs(\"$root/build/release\")" >"$root/build/tests/CTestTestfile.cmake"
if [[ $fast == no ]]; then
  (cd "$root" && cmake --preset asan "-DFAULTLINE_TEST_LAYERS=$asan_layers" --log-level=WARNING >/dev/null)  # ctest must know the tests before they are built
  cat >>"$root/build/tests/CTestTestfile.cmake" <<EOF
subdirs("$root/build/asan")
add_test(build.asan setsid --wait sh -c "{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 19 '$root/deploy/build.sh' asan")
set_tests_properties(build.asan PROPERTIES FIXTURES_SETUP sanitizer_build LABELS build COST 10000 TIMEOUT 7200)
EOF
fi

say "Tests"
if [[ $fast == no && $(id -u) != 0 ]]; then
  echo "NOT ROOT: the lab and deployment tests will be reported as skipped; run as root to run them"
fi
# Two more than there are processors: one is the sanitizer build, and many tests wait for windows and timers.
said="$root/build/tests/said.log" junit="$root/build/tests/junit.xml" verdict=0
rm -f "$junit"
ctest --test-dir "$root/build/tests" --parallel "$(($(nproc) + 2))" --output-on-failure --output-junit "$junit" --test-output-truncation head \
  "${ctest_options[@]}" | tee "$said" || verdict=$?
if ((verdict != 0)) && [[ -f $junit ]]; then  # once more, at the end
  "$root/tests/failed.py" "$junit"
  sed -n '/tests passed, /,$p' "$said"
fi
exit "$verdict"
