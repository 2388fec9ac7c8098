#!/usr/bin/env bash
# Fail with an instruction if the installed Node version is not supported by the build tools.
set -euo pipefail

found=$(node --version 2>/dev/null || echo none)

# The versions that Vite and Vitest support. Odd major versions have no long-term support.
if [[ $found =~ ^v([0-9]+)\.([0-9]+)\. ]]; then
    major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
    case $major in
        20) [ "$minor" -ge 19 ] && exit ;;
        22) [ "$minor" -ge 12 ] && exit ;;
        *) [ "$major" -ge 24 ] && exit ;;
    esac
fi
echo "Node 20.19, 22.12, 24 or newer is required, found: $found. Install it from https://nodejs.org, then run the command again." >&2
exit 1
