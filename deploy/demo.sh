#!/usr/bin/env bash
# The whole product on one machine, from nothing: packages, build, fabric, fleet, one fault, one named suspect, takedown.
set -euo pipefail

readonly EXIT_FAILED=1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'EOF'
Usage: sudo deploy/demo.sh [OPTIONS]

Installs packages (Debian 12), builds, brings up a leaf-spine fabric in network namespaces with one controller and a
probe per host, injects a fault, shows who is suspected, heals, and takes everything down again.

  --fault KIND        loss       random loss on one directed link (default)
                      blackhole  one in eight 5-tuples is dropped on one directed link
                      mtu        packets over 1400 bytes vanish on one directed link
                      down       a cable is cut and nothing reroutes; the cable must be named
                      device     loss on every link of one spine; the device must be named
                      none       nothing; nobody may be accused during 6 windows
  --loss RATIO        for loss and device (default: 2%)
  --link A:B          the direction from A to B, for example leaf2:spine3 (default: drawn from the seed)
  --device NAME       for --fault device (default: the spine of the link)
  --spines N --leaves N --hosts N   size of the fabric, hosts per leaf (default: 4 each)
  --family 4|6        of IP (default: 4)
  --seed N            of the routers' ECMP hashes and of the drawn link (default: 1)
  --window N          seconds per measurement window, 1 to 60 (default: 10)
  --name NAME         of the lab; labs with different names run side by side (default: demo)
  --keep              leave everything running, and print how to use and stop it
  --summary FILE      write the figures as JSON
  --logs DIR          copy the logs there before taking down
  --binaries DIR      use these binaries and build nothing
  -h, --help          this text

Exit code: 0 the suspect named first is the injected one (with none: nobody was accused); 1 it is not, or something
failed; 3 usage.
EOF
}

skip_build=no
for argument in "$@"; do
  case $argument in
    -h | --help) usage; exit 0 ;;
    --binaries | --binaries=*) skip_build=yes ;;
  esac
done

if [[ $(id -u) != 0 ]]; then
  echo "demo.sh: network namespaces and packages need root; run it as root (for example with sudo)" >&2
  exit "$EXIT_FAILED"
fi

demo() { python3 -B "$root/deploy/lab/demo.py" "$@"; }

# Wrong options are better told before the build than after it; on a bare machine Python comes with the packages.
if command -v python3 >/dev/null; then
  demo --check "$@" || exit
fi
echo "[1/9] Packages"
"$root/deploy/install-deps.sh" build lab
demo --check "$@" || exit
echo
echo "[2/9] Build (preset release)"
if [[ $skip_build == yes ]]; then
  echo "  skipped: --binaries was given"
else
  "$root/deploy/build.sh" release faultline-controller faultline-probe faultline
fi
exec python3 -B "$root/deploy/lab/demo.py" "$@"
