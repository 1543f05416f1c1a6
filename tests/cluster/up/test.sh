#!/usr/bin/env bash
# Runs tests/cluster on a cluster of its own, and ends it: test.sh PYTEST...; says so where that cannot be done.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/versions.sh"
missing=""
[ "$(uname)" = Linux ] || missing="$missing Linux"
[ "$(id -u)" = 0 ] || missing="$missing root"
for program in go gcc openssl containerd runc buildah mmdebstrap nft conntrack; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    echo "the cluster's tests are left out; not here:$missing"
    [ "${REQUIRE_ALL:-}" != 1 ]
    exit
fi
trap 'code=$?; "$HERE/down.sh"; "$HERE/nothing-left.sh" || code=1; exit $code' EXIT
"$HERE/down.sh"
"$HERE/up.sh" 2
"$HERE/binaries.sh" helm3 kube-score cyclonus kwok monitoring-types
"$HERE/images.sh" ours
for node in node1 node2; do "$HERE/images.sh" import $node postgres dask-scheduler dask-worker adaptive-worker; done
export KUBECONFIG=$STATE/kubeconfig PATH=$BIN:$PATH
"$HERE/../../once_more.sh" "$@"
