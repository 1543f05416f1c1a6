# A "machine" of the test cluster: a process that holds a PID, a mount and a network namespace. When it is killed, its
# processes, mounts, interfaces and nft tables go with it, and the real machine never had any of them.

machine_start() { # NAME
    local folder=$STATE/$1
    mkdir -p "$folder/log"
    setsid unshare --fork --pid --mount --net --mount-proc --kill-child bash -c '
        mount --make-rshared /
        for at in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$at"; done
        ip link set lo up
        sysctl -qw net.ipv4.ip_forward=1
        touch "$0/ready"
        while :; do sleep 1000000 & wait; done' "$folder" >"$folder/log/machine" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    until [ -e "$folder/ready" ]; do sleep 0.05; done
    pgrep -P "$(cat "$folder/pid")" >"$folder/init"
}

machine() { # NAME COMMAND...: run on a machine
    local name=$1
    shift
    nsenter -t "$(cat "$STATE/$name/init")" -p -m -n -- "$@"
}

machine_run() { # NAME PROGRAM COMMAND...: start a service on a machine; it ends with the machine
    local name=$1 program=$2
    shift 2
    (
        cd "$STATE/$name"
        # Nothing of the caller's stays open: who reads our output would wait for the service's end.
        exec setsid nsenter -t "$(cat init)" -p -m -n -- "$@" >"log/$program" 2>&1 </dev/null 9>&-
    ) &
}

cable() { # NAME ADDRESS: a cable from the control plane's switch to a machine
    ip link add "to-$1" netns "$(cat "$STATE/control/init")" type veth peer name eth0 netns "$(cat "$STATE/$1/init")"
    machine control ip link set "to-$1" master switch up
    machine "$1" ip addr add "$2/24" dev eth0
    machine "$1" ip link set eth0 up
}

cgroups_make() { # NAME: an empty group of that name in each hierarchy, which kubelet fills
    local hierarchy group
    for hierarchy in /sys/fs/cgroup/*/; do
        for group in modelops-test "modelops-test/$1"; do
            mkdir -p "$hierarchy$group" 2>/dev/null || continue
            for file in cpuset.cpus cpuset.mems; do
                [ -e "$hierarchy$group/$file" ] && cat "$hierarchy$file" >"$hierarchy$group/$file"
            done
        done
    done
    return 0
}

cgroups_remove() {
    local hierarchy
    for hierarchy in /sys/fs/cgroup/*/modelops-test /sys/fs/cgroup/modelops-test; do
        [ -d "$hierarchy" ] || continue
        find "$hierarchy" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done
}
