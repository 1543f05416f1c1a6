#!/usr/bin/env bash
# Builds the cluster's programs from Go modules, each once: binaries.sh [NAME...]; without names, what a cluster needs.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/versions.sh"
. "$HERE/kept.sh"
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath" GOWORK=off
mkdir -p "$BIN" "$CACHE/work"
lock build

have() { [ -x "$BIN/$1" ] && [ "$(cat "$BIN/$1.version" 2>/dev/null)" = "$2 $(digest "$BIN/$1")" ]; }

put() { # NAME VERSION: the built file NAME.new becomes NAME, with what it must be the next time
    rm -f "$BIN/$1.version"
    mv "$BIN/$1.new" "$BIN/$1"
    echo "$2 $(digest "$BIN/$1")" >"$BIN/$1.version"
}

build() { # NAME MODULE VERSION PACKAGE [LDFLAGS]
    have "$1" "$3" && return
    echo "building $1 $3"
    local work=$CACHE/work/$1
    rm -rf "$work" && mkdir -p "$work" && cd "$work"
    go mod init "modelops.test/$1" >/dev/null 2>&1
    go get "$2@$3" >get.log 2>&1 || { tail -5 get.log >&2; return 1; }
    nice -n 10 go build -mod=mod -ldflags "-s -w ${5:-}" -o "$BIN/$1.new" "$4"
    put "$1" "$3"
}

kubernetes() {
    local names="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl" name missing=""
    for name in $names; do have "$name" "$KUBERNETES" || missing="$missing $name"; done
    [ -z "$missing" ] && return
    echo "building Kubernetes $KUBERNETES:$missing"
    local work=$CACHE/work/kubernetes
    rm -rf "$work" && mkdir -p "$work" && cd "$work"
    # k8s.io/kubernetes is not meant to be imported: its staging modules must be named one by one.
    go mod download -json "k8s.io/kubernetes@$KUBERNETES" >module.json
    local source staging="v0.${KUBERNETES#v1.}"
    source=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' module.json)
    {
        echo "module modelops.test/kubernetes"
        grep -E '^go ' "$source/go.mod"
        echo "require k8s.io/kubernetes $KUBERNETES"
        sed -n "s#^[[:space:]]*\(k8s.io/[a-z0-9-]*\) => ./staging.*#replace \1 => \1 $staging#p" "$source/go.mod"
    } >go.mod
    {
        echo "package tools"
        for name in $names; do echo "import _ \"k8s.io/kubernetes/cmd/$name\""; done
    } >tools.go
    go mod tidy >tidy.log 2>&1 || { tail -5 tidy.log >&2; return 1; }
    local minor=${KUBERNETES#v1.} at=k8s.io/component-base/version
    local says="-X $at.gitVersion=$KUBERNETES -X $at.gitMajor=1 -X $at.gitMinor=${minor%%.*}"
    for name in $missing; do
        nice -n 10 go build -mod=mod -ldflags "-s -w $says" -o "$BIN/$name.new" "k8s.io/kubernetes/cmd/$name"
        put "$name" "$KUBERNETES"
    done
}

monitoring_types() { # what Prometheus' operator adds to the API: monitors can be tried without it
    (cd "$CACHE/monitoring" && sha256sum --status -c "$PROMETHEUS_OPERATOR") 2>/dev/null && return
    local work=$CACHE/work/monitoring
    rm -rf "$work" "$CACHE/monitoring" && mkdir -p "$work" "$CACHE/monitoring" && cd "$work"
    go mod init modelops.test/monitoring >/dev/null 2>&1
    go mod download -json "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR" >module.json
    local source
    source=$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' module.json)/example/prometheus-operator-crd
    cp "$source"/monitoring.coreos.com_{servicemonitors,podmonitors}.yaml "$CACHE/monitoring"
    (cd "$CACHE/monitoring" && sha256sum ./*.yaml >"$PROMETHEUS_OPERATOR")
}

make_one() {
    case $1 in
    kubernetes) kubernetes ;;
    etcd) build etcd go.etcd.io/etcd/server/v3 $ETCD go.etcd.io/etcd/server/v3 ;;
    coredns) build coredns github.com/coredns/coredns $COREDNS github.com/coredns/coredns ;;
    helm) build helm helm.sh/helm/v4 $HELM helm.sh/helm/v4/cmd/helm "-X helm.sh/helm/v4/internal/version.version=$HELM" ;;
    helm3) build helm3 helm.sh/helm/v3 $HELM_3 helm.sh/helm/v3/cmd/helm "-X helm.sh/helm/v3/internal/version.version=$HELM_3" ;;
    local-path) build local-path github.com/rancher/local-path-provisioner $LOCAL_PATH github.com/rancher/local-path-provisioner ;;
    kube-score) build kube-score github.com/zegl/kube-score $KUBE_SCORE github.com/zegl/kube-score/cmd/kube-score ;;
    kwok) build kwok sigs.k8s.io/kwok $KWOK sigs.k8s.io/kwok/cmd/kwok ;;
    cyclonus) build cyclonus github.com/mattfenwick/cyclonus $CYCLONUS github.com/mattfenwick/cyclonus/cmd/cyclonus ;;
    monitoring-types) monitoring_types ;;
    *) echo "binaries.sh: no part is called $1" >&2 && return 2 ;;
    esac
}

for name in ${*:-helm etcd kubernetes local-path coredns}; do make_one "$name"; done
