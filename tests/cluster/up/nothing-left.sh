#!/usr/bin/env bash
# Says what a test cluster has left behind on the machine, and fails if there is anything: for after down.sh.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/versions.sh"
left=""

say() { # WHAT LINES
    [ -z "$2" ] || left="$left$1:"$'\n'"$2"$'\n'
}

processes() { # whose program, folder or cgroup is of the cluster's
    local process line
    for process in /proc/[0-9]*; do
        line=$({ tr '\0\n' '  ' <"$process/cmdline"; } 2>/dev/null) || continue # it has ended
        if echo "$line" | grep -qE "$STATE/|$BIN/(kube|etcd|coredns|local-path)|enforcer\.py|containerd-shim.*k8s\.io" \
            || grep -qs modelops-test "$process/cgroup"; then
            echo "${process#/proc/} ${line:0:100}"
        fi
    done
}

say processes "$(processes)"
say mounts "$(grep -F "$CACHE/state" /proc/mounts || true)"
say interfaces "$(ip -o link show | grep -E 'mops-test|to-outside|to-node|switch' || true)"
say addresses "$(ip -o addr show | grep -E '10\.201\.0\.|198\.51\.100\.1' || true)"
say routes "$(ip route show | grep -E '10\.20[01]\.' || true)"
say cgroups "$(ls -d /sys/fs/cgroup/*/modelops-test /sys/fs/cgroup/modelops-test 2>/dev/null || true)"
say "nft tables" "$(nft list tables 2>/dev/null | grep -E 'kube-proxy|modelops|cni' || true)"
say "network namespaces" "$(ls /run/netns 2>/dev/null | grep -E '^cni-' || true)"
say folder "$(ls -d "$STATE" 2>/dev/null || true)"
if [ -n "$left" ]; then
    printf 'the test cluster has left behind\n%s' "$left" >&2
    exit 1
fi
echo "the test cluster has left nothing behind"
