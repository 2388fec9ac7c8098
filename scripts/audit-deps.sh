#!/usr/bin/env bash
# Audit dependencies for known vulnerabilities. Report a skipped audit if no advisory database is available.
# Usage: scripts/audit-deps.sh FILE_OR_FOLDER...   (a requirements file *.txt, or the folder of an npm package)
set -euo pipefail

pip_audit=.local/env/supply/bin/pip-audit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skipped() {
    printf ' SKIPPED audit of %s: no advisory database is available. VULNERABILITIES WERE NOT CHECKED.\n' "$1"
}

fail() {
    cat "$work/report" >&2
    printf ' fail audit of %s: vulnerabilities found. See the report above.\n' "$1" >&2
    exit 1
}

# A package mirror can respond without having any advisories, which must not count as a clean result. Every advisory
# database lists vulnerabilities of this old release.
knows_advisories() {
    echo "jinja2==2.4.1" >"$work/known"
    "$pip_audit" --progress-spinner off --disable-pip --no-deps --timeout 10 --format json --requirement "$work/known" 2>/dev/null |
        grep -q '"id"'
}

python_audit() {
    if [ -z "${known:-}" ]; then
        knows_advisories && known=yes || known=no
    fi
    if [ "$known" = no ]; then
        skipped "$1"
    elif "$pip_audit" --progress-spinner off --disable-pip --require-hashes --requirement "$1" >"$work/report" 2>&1; then
        printf '   ok audit of %s\n' "$1"
    else
        fail "$1"
    fi
}

npm_audit() {
    if npm --prefix "$1" audit --json >"$work/report" 2>/dev/null; then
        printf '   ok audit of %s\n' "$1"
    elif grep -q auditReportVersion "$work/report"; then
        fail "$1"
    else
        skipped "$1"
    fi
}

for each in "$@"; do
    case $each in
    *.txt) python_audit "$each" ;;
    *) npm_audit "$each" ;;
    esac
done
