#!/usr/bin/env bash
# Builds the images of the probe and of the controller with podman; --help says how.
set -euo pipefail

readonly EXIT_FAILED=1 EXIT_USAGE=3
readonly REGISTRY_BASE=docker.io/library/debian:bookworm-slim
readonly LOCAL_BASE=localhost/faultline-base:bookworm
readonly SUITE=bookworm

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
declare -A programs_of=([probe]="faultline-probe" [controller]="faultline-controller faultline")

usage() {
  cat <<'END'
Usage: build.sh [OPTIONS] [probe] [controller]

Builds localhost/faultline-probe and localhost/faultline-controller (default: both) with podman.

  --base IMAGE       build on this image of Debian 12 (default: docker.io/library/debian:bookworm-slim)
  --local-base       where no registry can be reached: make the base with mmdebstrap (needs root), and build on that
  --local-base=TAR   the same from a root that is there already, as a tar file
  --binaries DIR     take the programs from DIR instead of compiling them in the image; they must have been built on
                     Debian 12, for example by deploy/build.sh release, which leaves them in build/release/bin
  --tag TAG          the images' tag (default: the version in CMakeLists.txt)
  --podman 'WORDS'   podman and its global options, for example 'podman --root /srv/images' (default: podman)
  --option WORD      handed to `podman build`, for example --option=--isolation=chroot; may be repeated

Both programs' sizes over their base are printed at the end.
END
}

fail() {
  echo "build.sh: $*" >&2
  exit "$EXIT_FAILED"
}

wrong() {
  echo "build.sh: $*" >&2
  usage >&2
  exit "$EXIT_USAGE"
}

make_local_base() {
  local tar=$1
  if [[ -z $tar ]]; then
    command -v mmdebstrap >/dev/null || fail "mmdebstrap is not installed; run: deploy/install-deps.sh deploy"
    tar=$work/base.tar
    echo "build.sh: making a Debian $SUITE root with mmdebstrap"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates "$SUITE" "$tar" >&2
  fi
  "${podman[@]}" import --quiet "$tar" "$LOCAL_BASE" >/dev/null
}

build_image() {
  local name=$1 image=localhost/faultline-$1:$tag words=()
  if [[ -n $binaries ]]; then
    read -ra words <<<"${programs_of[$name]}"
    "$root/deploy/container/stage-programs.sh" "$work/$name" "${words[@]/#/$binaries/}"
    install -d "$work/stage-$name"
    mv "$work/$name" "$work/stage-$name/out"
    words=(--build-context "build=$work/stage-$name")
  fi
  echo "build.sh: building $image on $base"
  # The format: OCI's has no place for a health check.
  "${podman[@]}" build --format docker --build-arg "BASE=$base" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" \
    --file "$root/deploy/container/Containerfile.$name" --tag "$image" "${options[@]}" "${words[@]}" "$root"
}

size_of() {
  "${podman[@]}" image inspect --format '{{.Size}}' "$1"
}

report() {
  local name all
  for name in "$@"; do
    all=$(size_of "localhost/faultline-$name:$tag")
    awk -v name="localhost/faultline-$name:$tag" -v all="$all" -v base="$(size_of "$base")" \
      'BEGIN { printf "build.sh: %s is %.1f MB, %.1f MB over its base\n", name, all / 1e6, (all - base) / 1e6 }'
  done
}

main() {
  local base=$REGISTRY_BASE local_base=no local_tar='' binaries='' tag='' images=() options=() podman=(podman)
  while (($#)); do
    case $1 in
      -h | --help) usage; exit 0 ;;
      --base) base=${2:-}; [[ -n $base ]] || wrong "--base needs an image"; shift ;;
      --local-base) local_base=yes ;;
      --local-base=*) local_base=yes local_tar=${1#*=} ;;
      --binaries) binaries=${2:-}; [[ -d $binaries ]] || wrong "--binaries needs a folder of built programs"; shift ;;
      --tag) tag=${2:-}; [[ -n $tag ]] || wrong "--tag needs a tag"; shift ;;
      --podman) read -ra podman <<<"${2:-}"; ((${#podman[@]})) || wrong "--podman needs a command"; shift ;;
      --option) options+=("${2:-}"); [[ -n ${2:-} ]] || wrong "--option needs a word"; shift ;;
      --option=*) options+=("${1#*=}") ;;
      probe | controller) images+=("$1") ;;
      *) wrong "'$1' is neither an option nor an image" ;;
    esac
    shift
  done
  ((${#images[@]})) || images=(probe controller)
  command -v "${podman[0]}" >/dev/null || fail "${podman[0]} is not installed; run: deploy/install-deps.sh deploy"

  local version revision created
  version=$(sed -n 's/^project(faultline VERSION \([^ ]*\).*/\1/p' "$root/CMakeLists.txt")
  revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
  created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%FT%TZ)
  tag=${tag:-$version}
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  if [[ $local_base == yes ]]; then
    base=$LOCAL_BASE
    make_local_base "$local_tar"
  fi
  local name
  for name in "${images[@]}"; do
    build_image "$name"
  done
  report "${images[@]}"
}

main "$@"
