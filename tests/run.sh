#!/usr/bin/env bash
# Builds the project and runs its tests: unit tests by CTest, then the Python package's and the suites
# with real clients by pytest. Installs what is missing (after asking). The last line is `N passed, N failed[, N skipped]`.
#
# Everything that is written lies in build/. A second run builds what changed and runs the tests.
set -uo pipefail

usage() {
    cat <<'END'
usage: tests/run.sh [-y] [--quick | --sanitizers | --fuzz | --ci | --all] [-- PYTEST_ARGUMENT...]

Without an option: the unit tests, the Python package's, those of installing, then the suites with
real clients.

  -y              install missing Debian packages without asking (so does a set CI)
  --quick         the unit tests only
  --sanitizers    the unit tests under AddressSanitizer with UBSan and under ThreadSanitizer, and
                  the protocol suites against servers built with them
  --fuzz          every fuzzer for a short time
  --ci            all of that but the fuzzers, and several instances only over Ceph
  --all           all of that
  -- ARGUMENT...  passed on to the clients' pytest, such as: -- -m skopeo -k mount
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
results=$build/results
. "$root/cmake/packages.sh"

yes=()
parts=(unit clients)
pytest_arguments=()
other_suites=yes
while (($#)); do
    case $1 in
        -h | --help)
            usage
            exit 0
            ;;
        -y) yes=(-y) ;;
        --quick) parts=(unit) ;;
        --sanitizers) parts=(sanitizers) ;;
        --fuzz) parts=(fuzz) ;;
        --ci)
            parts=(unit clients sanitizers)
            # Several instances over Swift take longer than all others together.
            pytest_arguments=(-k 'not (test_s3 and swift)')
            ;;
        --all) parts=(unit clients sanitizers fuzz) ;;
        --)
            shift
            pytest_arguments=("$@")
            other_suites=
            break
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
    shift
done

# Beside what the JUnit reports say: parts that could not even be built.
failed_parts=0
reports=()
child=

# Runs one command in a process group of its own, which an interrupt ends as a whole.
run() {
    setsid "$@" &
    child=$!
    wait "$child"
    local code=$?
    child=
    return $code
}

interrupted() {
    if [[ -n $child ]]; then
        kill -TERM -- "-$child" 2>/dev/null
        wait "$child"
    fi
    echo "interrupted" >&2
    exit 130
}
trap interrupted INT TERM HUP

part() {
    printf '\n=== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60))
}

lost() {
    echo "FAILED: $1" >&2
    ((++failed_parts))
}

# configure_and_build PRESET TARGET [CMAKE_OPTION...]
configure_and_build() {
    local preset=$1 target=$2
    shift 2
    part "build $preset"
    local werror=()
    [[ -n ${CI-} ]] && werror=(-DPKGREG_WERROR=ON)
    (cd "$root" && cmake --preset "$preset" "${werror[@]}" "$@" >"$results/$preset-configure.log" 2>&1) || {
        cat "$results/$preset-configure.log"
        return 1
    }
    run cmake --build "$build/$preset" --target "$target"
}

# unit_tests PRESET [CTEST_ARGUMENT...]: CTest of a build.
unit_tests() {
    local preset=$1
    shift
    part "tests of the parts, $preset"
    local report=$results/$preset-unit.xml log=$results/$preset-unit.log
    reports+=("$report")
    rm -f "$report"
    run ctest --test-dir "$build/$preset" --output-on-failure --no-tests=error -j "$(nproc)" \
        --output-junit "$report" "$@" >"$log" 2>&1 ||
        grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed |^ +Start ' "$log"
    grep -E '^[0-9]+% tests passed|^Total Test time' "$log"
}

# client_tests PRESET [PYTEST_ARGUMENT...]: the suites in tests/clients against that build's program.
client_tests() {
    local preset=$1
    shift
    part "suites with real clients, $preset"
    local report=$results/$preset-clients.xml
    reports+=("$report")
    rm -f "$report"
    run env -C "$root/tests/clients" \
        PKGREG_BUILD="$build" PKGREG_BIN="$build/$preset/src/cli/pkgreg" \
        PYTHONPYCACHEPREFIX="$build/clients/pycache" \
        /usr/bin/python3 -m pytest -q -o cache_dir="$build/clients/cache" \
        --junitxml="$report" "$@"
}

# python_tests PRESET: the suite of the Python package against that build's library.
python_tests() {
    local preset=$1
    part "the Python package, $preset"
    local report=$results/$preset-python.xml
    reports+=("$report")
    rm -f "$report"
    run env -C "$root/tests/python" \
        PKGREG_BUILD="$build" PKGREG_LIBRARY="$build/$preset/capi/libpkgreg.so.1" \
        PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q --junitxml="$report"
}

# install_tests PRESET: what that build installs, the packages and the image that are made of it.
install_tests() {
    local preset=$1
    part "installing, $preset"
    local report=$results/$preset-install.xml
    reports+=("$report")
    rm -f "$report"
    run env -C "$root/tests/install" \
        PKGREG_BUILD="$build" PKGREG_BIN="$build/$preset/src/cli/pkgreg" \
        PYTHONPYCACHEPREFIX="$build/clients/pycache" \
        /usr/bin/python3 -m pytest -q -o cache_dir="$build/clients/cache" --junitxml="$report"
}

release() {
    configure_and_build release all -DPKGREG_BUILD_TESTS=ON -DPKGREG_BUILD_BENCH=ON || {
        lost "the release build"
        return
    }
    unit_tests release
    if [[ " ${parts[*]} " == *" clients "* ]]; then
        [[ -n $other_suites ]] && python_tests release
        [[ -n $other_suites ]] && install_tests release
        client_tests release "${pytest_arguments[@]}"
    fi
}

sanitizers() {
    local preset suites target
    export TSAN_OPTIONS="suppressions=$root/tests/tsan.supp ${TSAN_OPTIONS-}"
    for preset in asan tsan; do
        target=all
        [[ $preset == tsan ]] && target=threaded_tests
        configure_and_build "$preset" "$target" -DPKGREG_BUILD_BENCH=OFF || {
            lost "the $preset build"
            continue
        }
        # The contract of stores on Swift takes minutes, and runs the same code as on Ceph.
        unit_tests "$preset" -E '(_on_swift|_NOT_BUILT)$'
        # What the server's own threads do to each other is TSan's part; the rest is ASan's. What a
        # bucket adds is in the unit tests, which speak to a real server too.
        suites='(protocol or restart) and not large and not s3 and not swift'
        [[ $preset == tsan ]] && suites='concurrent and not s3 and not swift'
        client_tests "$preset" -m "$suites" "${pytest_arguments[@]}"
    done
}

fuzz() {
    configure_and_build fuzz tests/fuzz/all -DPKGREG_BUILD_BENCH=OFF || {
        lost "the fuzz build"
        return
    }
    unit_tests fuzz -L fuzz
}

mkdir -p "$results"
install_packages "${yes[@]}" build test || exit 1
for name in "${parts[@]}"; do
    case $name in
        unit) release ;;
        sanitizers) sanitizers ;;
        fuzz) fuzz ;;
    esac
done

read -r passed failed skipped < <(/usr/bin/python3 -B "$root/tests/clients/summary.py" "${reports[@]}")
failed=$((failed + failed_parts))
if ((passed + failed == 0)); then
    echo "no test ran" >&2
    failed=1
fi
part "done"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
