#!/usr/bin/env bash
# From a fresh Debian 12 to a running registry: installs what the build needs (after asking), builds
# the program and serves a registry from a local directory. A second run only builds what changed.
set -euo pipefail

usage() {
    cat <<'END'
usage: cmake/serve.sh [-y] [--storage DIR] [--listen HOST:PORT] [OPTION]...

Builds pkgreg and serves a registry.

  -y                   install missing Debian packages without asking (so does a set CI)
  --storage DIR        where the registry lies (default ~/.local/share/pkgreg; memory: keeps nothing)
  --listen HOST:PORT   where it listens (default 127.0.0.1:5000; port 0 picks a free one)
  OPTION               any other option of 'pkgreg serve', such as --read-only or --log-format json
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
storage=${XDG_DATA_HOME:-$HOME/.local/share}/pkgreg
listen=127.0.0.1:5000
yes=()
options=()

while (($#)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        -y) yes=(-y) ;;
        --storage | --listen)
            if (($# < 2)); then
                echo "serve.sh: $1 needs a value" >&2
                exit 2
            fi
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        --storage=*) storage=${1#*=} ;;
        --listen=*) listen=${1#*=} ;;
        *) options+=("$1") ;;
    esac
    shift
done

. "$root/cmake/packages.sh"
install_packages "${yes[@]}" build

# The folder is the one that the tests build in, so nothing is compiled twice; a fresh one is set up
# without tests and benchmarks, whose libraries need not be there.
if [[ ! -f $build/build.ninja ]]; then
    (cd "$root" && cmake --preset release -DPKGREG_BUILD_TESTS=OFF -DPKGREG_BUILD_BENCH=OFF) >&2
fi
cmake --build "$build" --target src/cli/pkgreg >&2

# How to push, unless the port is known only later: then the first line of the server has it.
if [[ $listen != *:0 && $listen != unix:* ]]; then
    cat >&2 <<END

Storage: $storage

Push an image that you have, from another terminal:
    docker tag IMAGE $listen/hello:1 && docker push $listen/hello:1
    podman push --tls-verify=false IMAGE $listen/hello:1
    skopeo copy --dest-tls-verify=false docker-daemon:IMAGE docker://$listen/hello:1
Pull it back with 'docker pull $listen/hello:1'; Ctrl-C ends the registry.

END
fi
exec "$build/src/cli/pkgreg" serve --storage "$storage" --listen "$listen" "${options[@]}"
