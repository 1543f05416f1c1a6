# What the test cluster is made of. Changing a version here builds that part anew.
KUBERNETES=v1.34.4
ETCD=v3.6.5
COREDNS=v1.14.5
HELM=v4.3.1
HELM_3=v3.22.0
LOCAL_PATH=v0.0.30
KUBE_SCORE=v1.20.0
KWOK=v0.7.0
CYCLONUS=v0.5.6
PROMETHEUS_OPERATOR=v0.85.0
CACHE=${MODELOPS_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/modelops/cluster}
BIN=$CACHE/bin
STATE=$CACHE/state
IMAGES=$CACHE/images
PYTHON_IMAGE=registry.test/python:1
POSTGRES_IMAGE=registry.test/postgres:1
