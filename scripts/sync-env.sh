#!/usr/bin/env bash
# Install exactly the packages of a lock file into a Python environment.
# Usage: scripts/sync-env.sh ENVIRONMENT LOCK_FILE
set -euo pipefail

environment=$1
lock=$2
uv=.local/env/uv/bin/uv

# Without this setting, uv warns if its cache is on another file system. Copying is correct in that case.
export UV_LINK_MODE=${UV_LINK_MODE:-copy}

python=$(cat .python-version)
"$uv" venv --quiet --allow-existing --python "$python" "$environment" || {
    echo "Python $python was not found and could not be downloaded. Install it, then run the command again." >&2
    exit 1
}
"$uv" pip sync --quiet --python "$environment" --require-hashes "$lock"
