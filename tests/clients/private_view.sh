#!/bin/sh
# private_view.sh FOLDER COMMAND...: runs a command that keeps files at fixed places of the system
# (/etc/cni, /opt/containerd, /var/lib/containers, /run, /dev/shm) so that these places are not touched: it sees the
# file system as it is, and what it writes there lies in memory and vanishes with it.
set -e
if [ "$1" != --inside ]; then
    exec unshare --mount --propagation private /bin/sh "$0" --inside "$@"
fi
scratch=$2
shift 2
mkdir -p "$scratch"
mount -t tmpfs none "$scratch"
for place in /etc /opt /var/lib; do
    mkdir -p "$scratch$place/upper" "$scratch$place/work"
    mount -t overlay none \
        -o "lowerdir=$place,upperdir=$scratch$place/upper,workdir=$scratch$place/work" $place
done
mount -t tmpfs none /dev/shm
# The last one: what mount itself notes in /run is covered with it.
mount -n -t tmpfs none /run
exec "$@"
