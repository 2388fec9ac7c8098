"""Test that `make help` lists every target."""

import re
import subprocess

from tools import paths

MAKEFILE = (paths.ROOT / "Makefile").read_text()
# test-fast and test run these in parallel. Users run test-unit, test-integration, test-model or test-benchmarks.
INTERNAL = {"test-unit-cli", "test-unit-core", "test-without-stack"}


def help_lines() -> list[str]:
    command = ["make", "-s", "help"]
    completed = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - a fixed command
    return completed.stdout.splitlines()


def test_make_help_lists_every_target_once() -> None:
    phony = {name for line in re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE) for name in line.split()}
    listed = [line.split()[1] for line in help_lines() if line.startswith("  make ")]
    assert len(listed) == len(set(listed))
    assert set(listed) == phony - INTERNAL


def test_make_help_aligns_the_descriptions() -> None:
    columns = {len(re.match(r"  make \S+ +", line)[0]) for line in help_lines() if line.startswith("  make ")}  # type: ignore[index]
    assert len(columns) == 1
