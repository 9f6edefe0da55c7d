#!/usr/bin/env bash
# Builds a container image of an installed pkgreg, from the files of this machine: nothing is fetched.
set -euo pipefail

usage() {
    cat <<'HELP'
usage: cmake/image/build.sh PROGRAM TAG [BUILDAH_OPTION]...

Builds the image TAG with buildah, out of the program PROGRAM, such as
build/release/src/cli/pkgreg, the shared libraries that it needs, and the system's certificates.
It runs as user 10001 and keeps its registry in the volume /var/lib/pkgreg.
HELP
}

if (($# < 2)) || [[ $1 == -* ]]; then
    usage >&2
    exit 2
fi
program=$1
tag=$2
shift 2
recipe=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ ! -x $program ]]; then
    echo "build.sh: there is no program $program; build it first (target pkgreg_program)" >&2
    exit 1
fi

context=$(mktemp -d "${TMPDIR:-/tmp}/pkgreg-image.XXXXXX")
trap 'rm -rf "$context"' EXIT
root=$context/root
cp "$recipe/Containerfile" "$context"

mkdir -p "$context/state" "$root"/{etc,usr/bin,tmp}
install -m 0755 "$program" "$root/usr/bin/pkgreg"
strip "$root/usr/bin/pkgreg"

# Under the paths that the loader looks at; the loader itself is the one line without `=>`.
libraries=$(ldd "$program")
if grep -q 'not found' <<<"$libraries"; then
    grep 'not found' <<<"$libraries" >&2
    exit 1
fi
while read -r library; do
    install -D -m 0755 "$library" "$root$library"
done < <(awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' <<<"$libraries")

certificates=/etc/ssl/certs/ca-certificates.crt
if [[ -f $certificates ]]; then
    install -D -m 0644 "$certificates" "$root$certificates"
fi
echo 'pkgreg:x:10001:10001::/var/lib/pkgreg:/none' >"$root/etc/passwd"
echo 'pkgreg:x:10001:' >"$root/etc/group"
chmod 0755 "$root"
chmod 0750 "$context/state"
chmod 1777 "$root/tmp"

buildah build --tag "$tag" "$@" "$context"
