#!/usr/bin/env bash
# Installs the Debian 12 packages that Faultline needs. Does nothing, and needs neither root nor network, when all are
# there. Never removes a package: where that would be needed it says which, and stops.
set -euo pipefail

readonly EXIT_FAILED=1 EXIT_USAGE=3

readonly BUILD_PACKAGES=(
  g++ cmake ninja-build ccache mold pkg-config git
  libzmq3-dev cppzmq-dev capnproto libcapnp-dev librocksdb-dev libboost1.81-dev libspdlog-dev libfmt-dev
  libexpected-dev libcli11-dev nlohmann-json3-dev libyaml-cpp-dev libssl-dev libsodium-dev
  libcurl4-openssl-dev libzstd-dev libarchive-dev libcap-dev libmnl-dev libpcap-dev libsystemd-dev catch2)
readonly LAB_PACKAGES=(iproute2 nftables iptables procps python3)
readonly TEST_PACKAGES=(jq curl python3 man-db mandoc zsh fish)
readonly DEPLOY_PACKAGES=(
  debhelper lintian dpkg-dev mmdebstrap systemd systemd-container podman buildah runc
  ansible-core ansible-lint yamllint shellcheck openssh-client python3-yaml)
readonly BENCH_PACKAGES=(fping prometheus-blackbox-exporter prometheus victoria-metrics)  # what benchmarks run beside

usage() {
  cat <<EOF
Usage: install-deps.sh [--print] [GROUP...]

Installs the packages of the groups (default: build, lab and test):
  build   compiler, build tools and libraries
  lab     what the fabric of network namespaces needs
  test    what the tests need besides
  bench   other programs that benchmarks compare with; Debian starts some of them as services
  deploy  what builds the packages and images, and what the tests of packages, images and Ansible roles need

  --print   print the package names and change nothing
EOF
}

fail() {
  echo "install-deps.sh: $*" >&2
  exit "$EXIT_FAILED"
}

missing_of() {
  local package
  for package in "$@"; do
    # shellcheck disable=SC2016  # the format is dpkg's, not the shell's
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done
}

# Explains why apt would not install: what it would remove, or what it does not know.
explain() {
  local output=$1 removed others
  shift
  removed=$(apt-get -s install --no-install-recommends -y "$@" 2>/dev/null | awk '$1 == "Remv" {print $2}' | xargs)
  if [[ -z $removed ]]; then
    fail "apt cannot install $*: $(grep -E '^E: ' <<<"$output" | sed 's/^E: //' | paste -sd ' ' || true)"
  fi
  others=$(tr ' ' '\n' <<<"$removed" | grep '^libboost' | xargs || true)
  if [[ -n $others ]]; then
    fail "Faultline needs Boost 1.81, and Debian's Boost -dev packages of two versions cannot be installed together;" \
      "remove these yourself, or build in a container: $others"
  fi
  fail "installing $* would remove packages of yours, so nothing was done; remove them yourself first: $removed"
}

install_packages() {
  local output
  if ! output=$(LC_ALL=C apt-get -s install --no-remove --no-install-recommends -y "$@" 2>&1); then
    if grep -q 'Unable to locate package' <<<"$output"; then
      echo "install-deps.sh: refreshing the package lists (some packages are not in them)"
      apt-get update -q || fail "the package lists could not be refreshed; is this machine online?"
    fi
    output=$(LC_ALL=C apt-get -s install --no-remove --no-install-recommends -y "$@" 2>&1) || explain "$output" "$@"
  fi
  echo "install-deps.sh: installing $# packages: $*"
  DEBIAN_FRONTEND=noninteractive apt-get install --no-remove --no-install-recommends -y -q "$@" ||
    fail "apt could not install the packages; its own message is above"
}

main() {
  local print=no group wanted=() missing
  local groups=()
  for group in "$@"; do
    case $group in
      -h | --help) usage; exit 0 ;;
      --print) print=yes ;;
      build | lab | test | bench | deploy) groups+=("$group") ;;
      *) usage >&2; exit "$EXIT_USAGE" ;;
    esac
  done
  ((${#groups[@]})) || groups=(build lab test)
  for group in "${groups[@]}"; do
    case $group in
      build) wanted+=("${BUILD_PACKAGES[@]}") ;;
      lab) wanted+=("${LAB_PACKAGES[@]}") ;;
      test) wanted+=("${TEST_PACKAGES[@]}") ;;
      bench) wanted+=("${BENCH_PACKAGES[@]}") ;;
      deploy) wanted+=("${DEPLOY_PACKAGES[@]}") ;;
    esac
  done
  mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | awk '!seen[$0]++')
  if [[ $print == yes ]]; then
    printf '%s\n' "${wanted[@]}"
    exit 0
  fi
  command -v dpkg-query apt-get >/dev/null ||
    fail "this machine has no apt; install the counterparts of these Debian 12 packages: ${wanted[*]}"
  mapfile -t missing < <(missing_of "${wanted[@]}")
  if ((${#missing[@]} == 0)); then
    echo "install-deps.sh: all ${#wanted[@]} packages are installed"
    exit 0
  fi
  [[ $(id -u) == 0 ]] ||
    fail "packages are missing; run this as root, or install: apt-get install --no-remove --no-install-recommends ${missing[*]}"
  install_packages "${missing[@]}"
}

main "$@"
