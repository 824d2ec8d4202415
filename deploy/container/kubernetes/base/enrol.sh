#!/usr/bin/env bash
# Lets the probes of a Kubernetes cluster into the fleet. Runs beside the controller, whose socket it shares.
#
# A probe's pod prints its public key in the log of its init container `key`. This script watches those pods, reads the
# key, asks Kubernetes for the labels of the node that the pod was put on, and tells the controller: trust this key as
# that node, with these labels. It also writes the controller's public keys where the pods find them. So no secret ever
# leaves the place where it was made. What makes the key trustworthy is who can write that log: the kubelet of the
# node that the scheduler chose, and nobody else. README.md has the whole argument.
set -euo pipefail

: "${ENDPOINT:?where probes reach the controller, such as tcp://faultline-controller.faultline.svc:7400}"
readonly NAMESPACE=${NAMESPACE:?the namespace that this runs in}
# FAULTLINE_LABEL=NODE_LABEL, as many as are wanted; a node that lacks one gets none.
readonly LABELS=${LABELS:-"zone=topology.kubernetes.io/zone rack=faultline/rack pod=faultline/pod"}
readonly DAEMONSET=${DAEMONSET:-faultline-probe}
readonly KEYS_MAP=${KEYS_MAP:-faultline-controller-keys}
readonly KUBERNETES_API=${KUBERNETES_API:-https://${KUBERNETES_SERVICE_HOST:-}:${KUBERNETES_SERVICE_PORT:-443}}
readonly ACCOUNT=${ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
readonly ALIVE_FILE=${ALIVE_FILE:-/run/enrol/alive}  # written whenever the loop goes round; a health check looks at its age
# All pods are looked at anew this often, which is also when what failed is tried again.
readonly WATCH_SECONDS=${WATCH_SECONDS:-120}
readonly RETRY_SECONDS=${RETRY_SECONDS:-5}
readonly REQUEST_SECONDS_MAX=10
readonly LOG_BYTES_MAX=4096 NAME_LENGTH_MAX=63
readonly CONTROLLER_AWAY=4  # how `faultline` ends then, and what enrol() returns

say() { echo "enrol: $*" >&2; }

# The token goes to curl by a pipe, not by its command line, and is read anew, because Kubernetes renews it.
request() {
  local path=$1
  shift
  curl --silent --show-error --fail --cacert "$ACCOUNT/ca.crt" --header @<(printf 'Authorization: Bearer %s' "$(<"$ACCOUNT/token")") \
    "$@" "$KUBERNETES_API$path"
}

ask() { request "$1" --max-time "$REQUEST_SECONDS_MAX" "${@:2}"; }

# Pods mount this map and wait until it has the key `controllers`.
publish_controller_keys() {
  local keys key entries=''
  keys=$(faultline controller key 2>/dev/null) || { say "the controller does not answer yet"; return 1; }
  while read -r key; do
    [[ $key =~ ^[0-9a-f]{64}$ ]] || { say "'faultline controller key' says no key"; return 1; }
    entries+="  - {endpoint: \"$ENDPOINT\", key: $key}"$'\n'
  done <<<"$keys"
  [[ $entries != "${published:-}" ]] || return 0
  jq --null-input --arg entries "$entries" '{data: {controllers: $entries}}' |
    ask "/api/v1/namespaces/$NAMESPACE/configmaps/$KEYS_MAP" --request PATCH --data-binary @- --output /dev/null \
      --header 'Content-Type: application/merge-patch+json' || { say "cannot write the config map $KEYS_MAP"; return 1; }
  published=$entries
  say "published the controller's $(wc -l <<<"$keys") public key(s) in the config map $KEYS_MAP"
}

# `POD NODE` for each pod of the daemon set that has printed its key, now and whenever one does. A pod belongs to the
# daemon set if its controller says so, not if it merely bears its labels.
watch_pods() {
  request "/api/v1/namespaces/$NAMESPACE/pods?watch=1&labelSelector=app.kubernetes.io%2Fname%3D$DAEMONSET&timeoutSeconds=$WATCH_SECONDS" \
    --no-buffer --max-time $((WATCH_SECONDS + REQUEST_SECONDS_MAX)) |
    jq --unbuffered --raw-output --arg set "$DAEMONSET" '
      select(.type == "ADDED" or .type == "MODIFIED") | .object
      | select(any(.metadata.ownerReferences[]?; .controller and .kind == "DaemonSet" and .name == $set))
      | select(any(.status.initContainerStatuses[]?; .name == "key" and .state.terminated.exitCode == 0))
      | [.metadata.name, .spec.nodeName] | @tsv'
}

key_in_log_of() {
  ask "/api/v1/namespaces/$NAMESPACE/pods/$1/log?container=key&tailLines=20&limitBytes=$LOG_BYTES_MAX" |
    sed -n 's/^faultline-node-key \([0-9a-f]\{64\}\)$/\1/p' | tail -n 1
}

# The --label words for a node, one a line.
labels_of() {
  # shellcheck disable=SC2016  # the program is jq's
  ask "/api/v1/nodes/$1" | jq --raw-output --arg wanted "$LABELS" '
    .metadata.labels as $labels | $wanted | split(" ")[] | select(. != "") | split("=") as [$ours, $theirs]
    | select($labels[$theirs] // "" != "") | "--label\n\($ours)=\($labels[$theirs])"'
}

# Refuses rather than replaces: a node whose key changed was set up anew, or somebody pretends to be it. What is wrong
# with one pod holds up no other; it is tried again with the next watch, or when that pod changes.
enrol() {
  local pod=$1 node=$2 key known words said outcome
  if ((${#node} > NAME_LENGTH_MAX)); then
    say "node $node: a name may have at most $NAME_LENGTH_MAX characters, so it is left out"
    return 0
  fi
  key=$(key_in_log_of "$pod") || { say "node $node: cannot read the log of pod $pod"; return 1; }
  [[ -n $key ]] || { say "node $node: pod $pod has printed no key"; return 1; }
  known=$(faultline node list -o json | jq --raw-output --arg node "$node" '.nodes[] | select(.name == $node) | .key') ||
    { say "the controller does not answer"; return "$CONTROLLER_AWAY"; }
  [[ $known != "$key" ]] || return 0
  if [[ -n $known ]]; then
    say "node $node: the controller knows it by another key, so the one of pod $pod is not taken. If the node was set up" \
      "anew, say: faultline node remove $node. If it was rekeyed, nothing is wrong: its next pod prints the new key"
    return 0
  fi
  words=$(labels_of "$node") || { say "node $node: cannot read its labels"; return 1; }
  mapfile -t words < <(printf '%s' "${words:+$words$'\n'}")
  said=$(faultline node add "$node" --key "$key" "${words[@]}" 2>&1) || { outcome=$?; say "node $node: $said"; return "$outcome"; }
  say "node $node is trusted, ${words[*]}"
}

# One watch: until it ends by itself, or the controller is away.
pass() {
  local pod node outcome
  publish_controller_keys || return 1
  while IFS=$'\t' read -r pod node; do
    touch "$ALIVE_FILE"
    outcome=0
    enrol "$pod" "$node" || outcome=$?
    ((outcome != CONTROLLER_AWAY)) || return 1
  done < <(watch_pods)
}

main() {
  trap 'exit 0' TERM INT
  say "watching the pods of $DAEMONSET in $NAMESPACE"
  while true; do
    touch "$ALIVE_FILE"
    pass || true
    sleep "$RETRY_SECONDS" &
    wait $!  # so that a signal is not held up
  done
}

main "$@"
