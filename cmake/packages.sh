#!/usr/bin/env bash
# The Debian 12 packages that the project needs, by purpose, and the one function that installs them.
# Source it for `install_packages`, or run it:  cmake/packages.sh [-y] build|test|bench ...
#
# Only what is missing is installed, and not before it was named and agreed to: by a person at the
# terminal, by -y, or by CI being set.

# What cmake/PkgregDependencies.cmake looks for, and the tools that build it.
packages_build=(
    ca-certificates cmake g++ ninja-build pkg-config
    libarchive-dev libboost1.81-dev libcli11-dev libcurl4-openssl-dev libpugixml-dev libsimdjson-dev
    libspdlog-dev libssl-dev libzstd-dev zlib1g-dev)

# The unit tests, the benchmarks (compiled with the tests, so that they do not rot), the sanitizers'
# and fuzzers' tools, and the real clients and S3 servers that the suites in tests/clients drive.
packages_test=(
    libbenchmark-dev libgmock-dev libgtest-dev
    abigail-tools clang dpkg-dev llvm systemd valgrind
    curl openssl python3 python3-pip python3-pytest python3-setuptools python3-venv python3-wheel
    util-linux zstd
    buildah containerd docker-registry docker.io podman runc skopeo umoci
    ceph-mon ceph-osd radosgw
    swift-account swift-container swift-object swift-proxy
    apache2-utils nginx slowhttptest sslscan testssl.sh
    faketime golang-cfssl memcached)

# The programs that bench/compare runs side by side.
packages_bench=(
    libbenchmark-dev
    apache2-utils awscli ceph-mon ceph-osd curl docker-registry nginx openssl python3 radosgw rclone
    wrk)

# Prints those of the given packages that are not installed.
missing_packages() {
    local installed
    # dpkg-query fails when it knows nothing of a package; what it knows it prints all the same.
    installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        awk '$2 == "installed" { print $1 }') || true
    comm -13 <(sort -u <<<"$installed") <(printf '%s\n' "$@" | sort -u)
}

# install_packages [-y] SET...: makes sure that the packages of the sets (build, test, bench) are
# there. Returns 1, having changed nothing, when they are not and may not be installed.
install_packages() {
    local yes=false set missing wanted=()
    if [[ ${1-} == -y ]]; then
        yes=true
        shift
    fi
    for set in "$@"; do
        local -n packages="packages_$set"
        wanted+=("${packages[@]}")
    done
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    ((${#missing[@]})) || return 0

    echo "These Debian packages are needed and not installed yet:" >&2
    printf '%s\n' "${missing[*]}" | fold -s -w 96 | sed 's/^/    /' >&2
    if ! $yes && [[ -z ${CI-} ]]; then
        if [[ ! -t 0 ]]; then
            echo "Nothing was installed: there is no terminal to ask at. Run it again with -y, or:" >&2
            echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        local answer
        read -r -p "Install them now? [y/N] " answer
        if [[ ${answer,,} != y && ${answer,,} != yes ]]; then
            echo "Nothing was installed." >&2
            return 1
        fi
    fi

    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "Installing needs root, and sudo is not there: run this as root." >&2
            return 1
        fi
        as_root=(sudo)
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
    "${apt[@]}" update >&2 || return 1
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 </dev/null || return 1
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    yes=()
    if [[ ${1-} == -y ]]; then
        yes=(-y)
        shift
    fi
    if (($# == 0)); then
        echo "usage: $0 [-y] build|test|bench ..." >&2
        exit 2
    fi
    for set in "$@"; do
        case $set in
            build | test | bench) ;;
            *)
                echo "$0: no set of packages is called '$set'; there are build, test and bench" >&2
                exit 2
                ;;
        esac
    done
    install_packages "${yes[@]}" "$@"
fi
