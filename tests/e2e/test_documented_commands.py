"""The commands in the documentation, run as they are written against the deployed stack.

Every `bash` block of a page runs, in order and in one shell, unless the line before the block is one of these comments:

* `<!-- not run by the tests: reason -->`
* `<!-- run by the tests if installed: command -->`

A block of another language is saved to a file if the line before it is `<!-- saved by the tests as name -->`. If the
next block under the same heading is `json`, the output must contain the keys of that block.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from local.stack import Stack
from testing.markdown import ROOT, CodeBlock, read_page

PAGES = ("README.md", "docs/api.md", "docs/events.md", "docs/cli.md")
DOCUMENTED_ENDPOINT = "http://127.0.0.1:4566"
TIMEOUT_SECONDS = 300

_NOT_RUN = re.compile(r"not run by the tests: \S.*")
_IF_INSTALLED = re.compile(r"run by the tests if installed: (\S+)")
_SAVED_AS = re.compile(r"saved by the tests as (\S+)")

# Only the URL of the stack is replaced, because the tests use another stack than `make up` starts.
_MAKE = """#!/bin/sh
if [ "$*" = "-s url" ]; then echo "{api_url}"; else exec "{make}" -C "{root}" "$@"; fi
"""
_IMAGESCAN = """#!/bin/sh
PYTHONPATH="{root}/cli" exec "{python}" -m imagescan_cli "$@"
"""


class Command(NamedTuple):
    """A block to run, and the keys that its output must contain."""

    block: CodeBlock
    keys: tuple[str, ...]


def commands(blocks: Iterable[CodeBlock]) -> Iterator[Command]:
    """Yield the `bash` blocks to run."""
    for block, following in pairwise([*blocks, CodeBlock("", "", 0, "", "")]):
        if block.language == "bash" and is_run(block):
            has_output = following.language == "json" and following.heading == block.heading
            yield Command(block, tuple(re.findall(r'"(\w+)":', following.code)) if has_output else ())


def is_run(block: CodeBlock) -> bool:
    """Return whether the tests run a `bash` block."""
    required = _IF_INSTALLED.fullmatch(block.comment)
    return shutil.which(required[1]) is not None if required else not _NOT_RUN.fullmatch(block.comment)


@pytest.fixture
def folder(tmp_path: Path, stack: Stack) -> Path:
    """Return a folder that looks like the root of the repository, with `make` and `imagescan` for the stack."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for path in ROOT.iterdir():
        (folder / path.name).symlink_to(path)
    make = shutil.which("make")
    install(tmp_path / "bin" / "make", _MAKE.format(api_url=stack.api_url, make=make, root=ROOT))
    install(tmp_path / "bin" / "imagescan", _IMAGESCAN.format(python=sys.executable, root=ROOT))
    (tmp_path / "config.toml").touch()
    (tmp_path / ".curlrc").write_text("fail-with-body\n")
    return folder


def install(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment without AWS and imagescan settings, in which curl fails on an error response."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IMAGESCAN_"))}
    return kept | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "CURL_HOME": str(tmp_path),
        "IMAGESCAN_CONFIG": str(tmp_path / "config.toml"),
    }


@pytest.mark.parametrize("name", PAGES)
def test_documented_commands_succeed_and_print_the_documented_keys(
    name: str, stack: Stack, folder: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    blocks = read_page(ROOT / name).blocks
    for block in blocks:
        saved = _SAVED_AS.fullmatch(block.comment)
        if saved:
            (folder / saved[1]).write_text(block.code)
    to_run = [*commands(blocks)]
    script = "set -e\n" + "".join(shell(command.block, stack, tmp_path) for command in to_run)
    bash = ["bash", "-c", script]
    subprocess.run(bash, cwd=folder, env=environment, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603 - our own documentation
    assert to_run
    for command in to_run:
        line = command.block.line
        report = (
            f"{name}:{line}\n{command.block.code}\n{read(tmp_path / f'{line}.out')}\n{read(tmp_path / f'{line}.err')}"
        )
        assert (tmp_path / f"{line}.passed").exists(), report
        output = (tmp_path / f"{line}.out").read_text()
        assert [key for key in command.keys if f'"{key}"' not in output] == [], report


def shell(block: CodeBlock, stack: Stack, results: Path) -> str:
    """Return a script that runs a block in the current shell and records its output and that it succeeded."""
    code = block.code.replace(DOCUMENTED_ENDPOINT, stack.aws_endpoint)
    result = results / str(block.line)
    return f"{{\n{code}\n}} >'{result}.out' 2>'{result}.err'\ntouch '{result}.passed'\n"


def read(path: Path) -> str:
    return path.read_text() if path.exists() else "(not run, because a block before it failed)"
