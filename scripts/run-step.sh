#!/usr/bin/env bash
# Run a command quietly. Print its purpose and duration, and its output only if it fails.
# Usage: scripts/run-step.sh PURPOSE COMMAND [ARGUMENT...]
set -euo pipefail

purpose=$1
shift
output=$(mktemp)
trap 'rm -f "$output"' EXIT

printf '  ... %s\n' "$purpose"
if "$@" >"$output" 2>&1; then
    printf '   ok %s (%d s)\n' "$purpose" "$SECONDS"
else
    status=$?
    cat "$output" >&2
    printf ' fail %s: "%s" exited with code %d. See its output above.\n' "$purpose" "$*" "$status" >&2
    exit "$status"
fi
