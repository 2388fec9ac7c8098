#!/usr/bin/env bash
# Run all checks and tests from a clean checkout. Install missing system packages first, if apt-get and root are available.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for tool in python3 pip3 node npm make git valgrind; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)

if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
        echo "Missing: ${missing[*]}. Install Python 3 with pip, Node 20 with npm, make, git and valgrind." >&2
        exit 1
    fi
    packages=("${missing[@]/#pip3/python3-pip}")
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]/#node/nodejs}" >/dev/null
fi

# The tests of `sam local` need a container engine: Docker, or an engine in a folder next to the checkout.
for engine in ../*/sam-local/engine; do
    if [ -x "$engine" ] && [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
        export SAM_LOCAL_ENGINE=${SAM_LOCAL_ENGINE:-$PWD/$engine}
    fi
done

export CI=${CI:-true}
make check
make test
