#!/bin/sh
# once_more.sh PYTEST...: runs it; what failed is tried once more, alone, and said so. Files of tests share a few cores
# with the servers, workers and nodes that they start: what fails only then is a matter of time, and fails once.
"$@" && exit
[ $? = 1 ] || exit 1
echo "what failed beside others, once more:"
exec "$@" --last-failed --last-failed-no-failures none -n 1
