#!/bin/sh
# The init container `key` of a probe's pod: writes the probe's configuration, with the controllers that the cluster
# publishes, and prints the public half of the node's key, which it makes where there is none. enrol.sh reads that line.
set -eu
template=${TEMPLATE:-/etc/faultline-template}
controllers=${CONTROLLERS:-/etc/faultline-controllers/controllers}
config=${CONFIG:-/etc/faultline/probe.yaml}

{
  cat "$template/probe.yaml"
  echo "controllers:"
  cat "$controllers"
} >"$config"
key=$(faultline-probe --config "$config" --print-key)
echo "faultline-node-key $key"
