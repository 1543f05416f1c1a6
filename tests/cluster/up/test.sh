#!/usr/bin/env bash
# Runs tests/cluster on a cluster of its own, and ends it: test.sh PYTEST...; says so where that cannot be done.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/versions.sh"
missing=""
[ "$(uname)" = Linux ] || missing="$missing Linux"
[ "$(id -u)" = 0 ] || missing="$missing root"
for program in go gcc openssl; do command -v "$program" >/dev/null || missing="$missing $program"; done
if [ -n "$missing" ]; then
    echo "test.sh: no test was run; a cluster cannot be started without$missing" >&2
    exit 1
fi
REQUIRE_ALL=1 sh "$HERE/../../../.ci/system" cluster
trap 'code=$?; "$HERE/down.sh"; "$HERE/nothing-left.sh" || code=1; exit $code' EXIT
"$HERE/down.sh"
"$HERE/prepare.sh"
"$HERE/up.sh" 2
"$HERE/images.sh" import node2 postgres dask-scheduler dask-worker adaptive-worker &
other=$! failed=
"$HERE/images.sh" import node1 postgres dask-scheduler dask-worker adaptive-worker || failed=1
wait $other || failed=1
[ -z "$failed" ]
export KUBECONFIG=$STATE/kubeconfig PATH=$BIN:$PATH
"$@"
