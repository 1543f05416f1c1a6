#!/usr/bin/env bash
# Builds what the test cluster is made of and the images of docker/, each once, and stops. What is there is held against its version
# and digest first; a second one waits for the first.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
"$HERE/binaries.sh" helm etcd kubernetes local-path coredns helm3 kube-score cyclonus kwok monitoring-types
"$HERE/images.sh" system
"$HERE/images.sh" ours
