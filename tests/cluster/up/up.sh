#!/usr/bin/env bash
# Starts the test cluster: up.sh [WORKERS], default 2. A control plane and WORKERS nodes, each a machine of its own
# (node.sh). Prints where the kubeconfig is. Needs Linux, root, Go and the Debian packages that .ci/system installs.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/versions.sh"
. "$HERE/node.sh"
WORKERS=${1:-2}
CONTROL=10.201.0.1 OUTSIDE=10.201.0.254 INTERNET=198.51.100.1
SERVICES=10.96.0.0/16 PODS=10.200.0.0/16

[ "$(id -u)" = 0 ] || { echo "up.sh: the test cluster needs root" >&2; exit 2; }
[ ! -e "$STATE" ] || { echo "up.sh: a cluster is there already ($STATE); make cluster-down ends it" >&2; exit 2; }
"$HERE/binaries.sh"
mkdir -p "$STATE/pki"
trap '[ $? = 0 ] || "$HERE/down.sh"' EXIT

certificates() {
    cd "$STATE/pki"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=test-cluster 2>/dev/null
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out sa.key 2>/dev/null
    openssl pkey -in sa.key -pubout -out sa.pub
    local inside="DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    certificate apiserver /CN=kube-apiserver "$inside,IP:127.0.0.1,IP:$CONTROL,IP:10.96.0.1"
    certificate admin /O=system:masters/CN=admin
    certificate manager /CN=system:kube-controller-manager
    certificate scheduler /CN=system:kube-scheduler
    certificate proxy /CN=system:kube-proxy
    local n
    for n in $(seq "$WORKERS"); do certificate "node$n" "/O=system:nodes/CN=system:node:node$n" "DNS:node$n,IP:10.201.0.1$n"; done
}

certificate() { # NAME SUBJECT [ALTERNATIVE NAMES]: with the kubeconfig that uses it
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
        -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\n%s' "${3:+subjectAltName=$3}") 2>/dev/null
    cat >"$1.kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://$CONTROL:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: test, context: {cluster: test, user: $1}}]
current-context: test
K
}

control_plane() {
    machine_start control
    machine control ip link add switch type bridge
    machine control ip addr add $CONTROL/24 dev switch
    machine control ip link set switch up
    # The real machine is "outside": tests reach the cluster from it, and it plays the internet for the pods.
    ip link add mops-test type veth peer name to-outside netns "$(cat "$STATE/control/init")"
    machine control ip link set to-outside master switch up
    ip addr add $OUTSIDE/24 dev mops-test
    ip addr add $INTERNET/32 dev mops-test
    ip link set mops-test up
    local pki=$STATE/pki
    machine_run control etcd "$BIN/etcd" --data-dir "$STATE/control/etcd" --unsafe-no-fsync \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
    machine_run control apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 --advertise-address=$CONTROL \
        --cert-dir="$STATE/control/certs" --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
        --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" --kubelet-certificate-authority="$pki/ca.crt" \
        --kubelet-preferred-address-types=InternalIP --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-cluster-ip-range=$SERVICES \
        --authorization-mode=Node,RBAC --allow-privileged=true --enable-admission-plugins=NodeRestriction --endpoint-reconciler-type=lease
    eventually kubectl get --raw=/readyz || { tail -3 "$STATE/control/log/apiserver" >&2; return 1; }
    machine_run control manager "$BIN/kube-controller-manager" --kubeconfig="$pki/manager.kubeconfig" --leader-elect=false \
        --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" --use-service-account-credentials=true \
        --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" --cert-dir="$STATE/control/certs"
    machine_run control scheduler "$BIN/kube-scheduler" --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false --cert-dir="$STATE/control/certs"
}

node() { # N
    local name=node$1 address=10.201.0.1$1 folder=$STATE/node$1 other
    machine_start "$name"
    cable "$name" "$address"
    machine control ip route add "10.200.$1.0/24" via "$address"
    machine "$name" ip route add default via $OUTSIDE
    for other in $(seq "$WORKERS"); do
        [ "$other" = "$1" ] || machine "$name" ip route add "10.200.$other.0/24" via "10.201.0.1$other"
    done
    ip route add "10.200.$1.0/24" via "$address" dev mops-test
    cgroups_make "$name"
    mkdir -p "$folder"/{cni,manifests,kubelet,plugins,podlogs}
    sed "s#FOLDER#$folder#; s#STATE#$STATE#" "$HERE/containerd.toml" >"$folder/containerd.toml"
    sed "s#FOLDER#$folder#; s#STATE#$STATE#; s#NODE#$name#" "$HERE/kubelet.yaml" >"$folder/kubelet.yaml"
    cat >"$folder/cni/10-pods.conflist" <<K
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.200.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
K
    echo "nameserver 127.0.0.1" >"$folder/resolv.conf"
    machine_run "$name" containerd containerd -c "$folder/containerd.toml"
    eventually test -S "$folder/containerd.sock" || { tail -3 "$folder/log/containerd" >&2; return 1; }
    machine_run "$name" kubelet "$BIN/kubelet" --config="$folder/kubelet.yaml" --kubeconfig="$STATE/pki/$name.kubeconfig" \
        --hostname-override="$name" --node-ip="$address" --root-dir="$folder/kubelet" --cert-dir="$folder/certs" --node-labels=modelops.io/role=cpu
    machine_run "$name" proxy "$BIN/kube-proxy" --kubeconfig="$STATE/pki/proxy.kubeconfig" --cluster-cidr=$PODS --proxy-mode=nftables \
        --hostname-override="$name" --conntrack-max-per-core=0
    machine_run "$name" enforcer python3 "$HERE/enforcer.py" "$CONTROL:6443" "$STATE/pki"
}

eventually() { # COMMAND...: until it succeeds; fails where that takes ten minutes, which is no measure of speed
    local end=$((SECONDS + 600))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

kubectl() { "$BIN/kubectl" --kubeconfig="$STATE/kubeconfig" "$@"; }

certificates
cp "$STATE/pki/admin.kubeconfig" "$STATE/kubeconfig"
control_plane
for n in $(seq "$WORKERS"); do node "$n"; done
"$HERE/images.sh" system
for n in $(seq "$WORKERS"); do "$HERE/images.sh" import "node$n" pause coredns helper; done
sed "s#VOLUMES_DIR#$STATE/volumes#" "$HERE/local-path.yaml" | kubectl apply -f - >/dev/null
kubectl apply -f "$HERE/coredns.yaml" >/dev/null
machine_run control local-path "$BIN/local-path" start --kubeconfig="$STATE/pki/admin.kubeconfig" --namespace kube-system \
    --configmap-name local-path-config --provisioner-name rancher.io/local-path --helper-image registry.test/helper:1
kubectl wait --for=condition=Ready nodes --all --timeout=600s >/dev/null
kubectl -n kube-system rollout status deployment/coredns --timeout=600s >/dev/null
echo "the cluster runs: export KUBECONFIG=$STATE/kubeconfig PATH=$BIN:\$PATH"
