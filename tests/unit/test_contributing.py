"""The commands in CONTRIBUTING.md that run a single test select at least one test."""

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from testing.markdown import ROOT, read_page

FRONTEND = ROOT / "frontend"
BLOCKS = [block for block in read_page(ROOT / "CONTRIBUTING.md").blocks if block.heading == "Run a single test"]
COMMANDS = [
    line.partition("#")[0].strip()
    for block in BLOCKS
    for line in block.code.splitlines()
    if re.match(r"\S*python -m pytest |npm ", line)
]
# The files of each npm script, and its option that selects tests by name.
NPM_SCRIPTS = {
    "test": ("tests/unit/*.test.ts", "-t"),
    "test:browser": ("tests/browser/*.spec.ts", "-g"),
}
_TITLE = re.compile(r"""\((["'`])(.+?)\1, (?:async )?\(""")


def selects_a_test(command: str) -> bool:
    """Return whether a command selects a test, without running it."""
    program, *arguments = shlex.split(command)
    return pytest_selects(*arguments[2:]) if program.endswith("python") else npm_selects(arguments)


def pytest_selects(path: str, option: str = "-k", keyword: str = "") -> bool:
    """Search for the keyword, which is one word, in the IDs of the collected tests."""
    assert option == "-k"
    assert re.fullmatch(r"\w*", keyword)
    return any(test.startswith(path) and keyword in test.lower() for test in collected())


@cache
def collected() -> list[str]:
    """Return the IDs of the tests in all documented files and folders. They are collected once, to save time."""
    paths = {shlex.split(command)[3] for command in COMMANDS if " -m pytest " in command}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *paths]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own documentation
    return [line for line in completed.stdout.splitlines() if "::" in line]


def npm_selects(arguments: list[str]) -> bool:
    """Search for the file or the title of a test in the sources of the tests."""
    split = arguments.index("--")
    script, filters = arguments[split - 1], arguments[split + 1 :]
    pattern, option = NPM_SCRIPTS[script]
    files = [*FRONTEND.glob(pattern)]
    if filters[0] == option:
        return any(re.search(filters[1], title) for path in files for title in titles(path))
    return any(filters[0] in str(path.relative_to(FRONTEND)) for path in files)


def titles(path: Path) -> list[str]:
    return [title for _, title in _TITLE.findall(path.read_text())]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_selects_a_test(command: str) -> None:
    assert selects_a_test(command)


@pytest.mark.parametrize(
    "command",
    [
        "python -m pytest tests/unit/test_missing.py",
        "python -m pytest tests/unit/test_sweep.py -k missing",
        "npm --prefix frontend test -- tests/unit/missing.test.ts",
        "npm --prefix frontend test -- -t missing_name",
        "npm --prefix frontend run test:browser -- missing.spec.ts",
        "npm --prefix frontend run test:browser -- -g 'no such test'",
    ],
)
def test_a_command_with_an_outdated_name_selects_no_test(command: str) -> None:
    assert not selects_a_test(command)


def test_each_runner_is_documented_with_a_file_and_with_a_name() -> None:
    scripts = json.loads((FRONTEND / "package.json").read_text())["scripts"]
    assert scripts.keys() >= NPM_SCRIPTS.keys()
    for runner, option in (("-m pytest", "-k"), ("test --", "-t"), ("test:browser --", "-g")):
        assert {f" {option} " in command for command in COMMANDS if runner in command} == {True, False}
