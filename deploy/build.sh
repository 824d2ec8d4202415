#!/usr/bin/env bash
# Configures and builds one CMake preset, incrementally, with visible progress: build.sh PRESET [TARGET...]
set -euo pipefail

readonly EXIT_USAGE=3
readonly JOB_MEMORY_KIB=2000000  # the largest translation unit under the sanitizers

if (($# == 0)) || [[ $1 == -h || $1 == --help ]]; then
  echo "Usage: build.sh PRESET [TARGET...]   (presets: release dev asan tsan; the result is in build/PRESET/bin/)"
  (($#)) && exit 0
  exit "$EXIT_USAGE"
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=$1
shift

jobs=$(nproc)
by_memory=$(awk -v each="$JOB_MEMORY_KIB" '/^MemAvailable/ {print int($2 / each)}' /proc/meminfo)
((by_memory < jobs)) && jobs=$((by_memory > 1 ? by_memory : 1))

cd "$root"
echo "build.sh: configuring preset $preset"
cmake --preset "$preset" --log-level=WARNING >/dev/null
echo "build.sh: building in build/$preset with $jobs jobs"
export NINJA_STATUS='[%f/%t, %es] '
if [[ -t 1 ]]; then
  ninja -C "build/$preset" -j "$jobs" "$@"
else  # in a log, every twentieth step is enough; warnings and errors always are shown
  ninja -C "build/$preset" -j "$jobs" "$@" |
    awk '/^\[[0-9]+\/[0-9]+, / { last = $0; if (n++ % 20 == 0) { print; last = "" } fflush(); next }
         { if (last != "") { print last; last = "" } print; fflush() }
         END { if (last != "") print last }'
fi
