# What is built is kept in the cache: one build at a time, and by the digest of what was built.

digest() { sha256sum <"$1" | cut -d' ' -f1; }

lock() { # NAME: held until the script ends
    mkdir -p "$CACHE"
    exec 9>"$CACHE/$1.lock"
    flock -n 9 || { echo "waiting for another build"; flock 9; }
}
