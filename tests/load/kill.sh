#!/bin/sh
# kill.sh PROGRAM: the controller is killed (kill -9) under a load with faults, FAULTLINE_KILL_CYCLES times; each time all
# that was acknowledged must be stored exactly once. Fails also when the load was over before the last kill.
set -eu
cycles=${FAULTLINE_KILL_CYCLES:-20}
exec "$1" --kill-cycles "$cycles" --windows "$((cycles * 20))" --probes 50 --targets 8 --flows 4 \
  --late .05 --duplicate .05 --reorder .05
