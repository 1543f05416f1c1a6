#!/usr/bin/env bash
# The images of the test cluster, made without an image registry and kept as archives in the cache.
#   images.sh system                     pause, coredns, and a Debian with Python (also the base of ours) and with Postgres
#   images.sh ours [NAME...]             docker/*.Dockerfile on that Debian: registry.test/modelops/NAME:$TAG (default: test)
#   images.sh import MACHINE NAME...     load them into a node's containerd
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../../.." && pwd)
. "$HERE/versions.sh"
. "$HERE/node.sh"
. "$HERE/kept.sh"
export STORAGE_DRIVER=overlay BUILDAH_ISOLATION=chroot TMPDIR=$CACHE/tmp
# Another TAG leaves the images of who else uses the cluster alone; its archives are called NAME-TAG.
TAG=${TAG:-test} SUFFIX=
[ "$TAG" = test ] || SUFFIX=-$TAG
mkdir -p "$IMAGES" "$CACHE/tmp"

buildah() { nice -n 10 buildah --root "$CACHE/buildah" --runroot "$CACHE/tmp/buildah" "$@"; }

archive() { # NAME IMAGE: as an archive that containerd can import, unless it is there
    local id
    id=$(buildah images --quiet --no-trunc "$2" | head -1)
    [ ! -e "$IMAGES/$1.tar" ] || [ "$(cat "$IMAGES/$1.id" 2>/dev/null)" != "$id $(digest "$IMAGES/$1.tar")" ] || return 0
    rm -f "$IMAGES/$1.tar" "$IMAGES/$1.id"
    buildah push --quiet --disable-compression "$2" "oci-archive:$IMAGES/$1.tar:$2"
    echo "$id $(digest "$IMAGES/$1.tar")" >"$IMAGES/$1.id"
}

# An image is kept for as long as what it was made of is the same: a digest, or a list of packages.
made() { # NAME IMAGE OF-WHAT
    buildah images --quiet "$2" >/dev/null 2>&1 && [ "$(cat "$IMAGES/$1.of" 2>/dev/null)" = "$3" ]
}

from_files() { # NAME TAG COMMAND FILE...: an image of static programs alone
    local name=$1 image=registry.test/$1:1 command=$2 container of
    shift 2
    of=$(cat "$@" | sha256sum)
    made "$name" "$image" "$of" || {
        container=$(buildah from scratch)
        buildah copy --quiet "$container" "$@" / >/dev/null
        buildah config --entrypoint "[\"$command\"]" "$container"
        buildah commit --quiet --rm "$container" "$image" >/dev/null
        echo "$of" >"$IMAGES/$name.of"
    }
    archive "$name" "$image"
}

from_debian() { # NAME IMAGE PACKAGES
    local tar=$CACHE/tmp/$1.tar container suite
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    made "$1" "$2" "$suite $3" || {
        echo "making $2"
        mmdebstrap --quiet --variant=minbase --include="$3" --dpkgopt='path-exclude=/usr/share/doc/*' \
            --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$tar"
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$tar" / >/dev/null
        buildah commit --quiet --rm "$container" "$2" >/dev/null
        echo "$suite $3" >"$IMAGES/$1.of"
        rm "$tar"
    }
    archive "$1" "$2"
}

system() {
    lock images
    rm -rf "$CACHE"/tmp/mmdebstrap.* # of a build that was killed
    gcc -O1 -static -o "$CACHE/tmp/pause" "$HERE/pause.c"
    from_files pause /pause "$CACHE/tmp/pause"
    from_files coredns /coredns "$BIN/coredns"
    from_debian python "$PYTHON_IMAGE" python3,python3-venv,ca-certificates
    from_debian postgres "$POSTGRES_IMAGE" postgresql,ca-certificates
    buildah tag "$PYTHON_IMAGE" registry.test/helper:1
    archive helper registry.test/helper:1
}

ours() { # [NAME...]
    local name
    lock images
    [ $# -gt 0 ] || set -- dask-scheduler dask-worker adaptive-worker
    for name; do
        buildah bud --quiet --layers --build-arg BASE_IMAGE="$PYTHON_IMAGE" --volume /etc/ssl/certs:/etc/ssl/certs:ro \
            --build-arg VERSION="$TAG" -f "$ROOT/docker/$name.Dockerfile" -t "registry.test/modelops/$name:$TAG" "$ROOT" >/dev/null
        archive "$name$SUFFIX" "registry.test/modelops/$name:$TAG"
    done
}

import() { # MACHINE NAME...
    local machine=$1 name
    shift
    for name; do
        machine "$machine" ctr -a "$STATE/$machine/containerd.sock" -n k8s.io images import "$IMAGES/$name.tar" >/dev/null
    done
}

"$@"
