#!/usr/bin/env bash
# Ends the test cluster, whatever state it is in; what was built stays in the cache.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/versions.sh"
. "$HERE/node.sh"
[ -e "$STATE" ] || exit 0
for file in "$STATE"/*/pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # The pid may be another's by now, after a restart of the machine, say.
    if grep -qz unshare "/proc/$pid/cmdline" 2>/dev/null; then
        kill -KILL "$pid"
        while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.05; done
    fi
done
ip link delete mops-test 2>/dev/null || true
for _ in $(seq 50); do
    cgroups_remove
    ls -d /sys/fs/cgroup/*/modelops-test >/dev/null 2>&1 || break
    sleep 0.1
done
rm -rf "$STATE"
