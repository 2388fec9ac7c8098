"""Help texts and shell completion."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagescan_cli.commands import COMMANDS, app
from tools import paths

GLOBAL_OPTIONS = {"--api-url", "--json", "--quiet", "--config", "--auth", "--token", "--region"}


def help_of(*command: str) -> str:
    return CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"}).stdout


def examples(help_text: str) -> list[str]:
    return re.findall(r"^    (\S.*)$", help_text.split("Examples:\n")[1], re.MULTILINE)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_h_is_short_for_help(command: str) -> None:
    arguments = [command] if command else []
    result = CliRunner().invoke(app, [*arguments, "-h"], env={"COLUMNS": "80"})
    assert (result.exit_code, result.stdout) == (0, help_of(*arguments))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_of_the_command_with_options_that_it_has(command: str) -> None:
    text = help_of(command)
    assert examples(text)
    for example in examples(text):
        [own] = [each for each in example.split(" | ") if f"imagescan {command}" in each]
        words = shlex.split(own)
        used = {word for word in words if word.startswith("--")}
        assert used <= {*re.findall(r"--[a-z-]+", text)}, example


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_the_global_options_in_a_section_of_their_own(command: str) -> None:
    options, global_options = help_of(command).split("Global options:\n")
    assert {*re.findall(r"--[a-z-]+", global_options.split("\n\n")[0])} >= GLOBAL_OPTIONS
    assert not {*re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", options, re.MULTILINE)} & GLOBAL_OPTIONS


def test_help_lists_the_exit_codes() -> None:
    text = " ".join(help_of().split())
    assert "0 match or no question, 1 no match, 2 usage error, 3 failure or timeout, 4 pending, 130 interrupted" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("imagescan su", {"submit"}),
        ("imagescan submit --rep", {"--report"}),
        ("imagescan submit --match-mode ", {"any", "all", "none"}),
        ("imagescan submit --feature ", {"labels", "moderation", "text"}),
        ("imagescan submit --feature labels --feature m", {"moderation"}),
        ("imagescan ask --feature t", {"text"}),
        ("imagescan list --feature l", {"labels"}),
        ("imagescan submit --mod", {"--moderation"}),
        ("imagescan list --status p", {"pending"}),
        ("imagescan list --api", {"--api-url"}),
    ],
)
def test_completion_offers_commands_options_and_values(words: str, expected: set[str]) -> None:
    assert {*completed(words).split()} == expected


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_commands_with_the_script_that_the_command_prints(tmp_path: Path) -> None:
    program = tmp_path / "imagescan"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{paths.ROOT / "cli"}" exec "{sys.executable}" -m imagescan_cli "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1 imagescan --show-completion bash)"\n'
        "COMP_WORDS=(imagescan del) COMP_CWORD=1\n"
        'function=$(complete -p imagescan | sed "s/.*-F \\([^ ]*\\).*/\\1/")\n'
        '"$function" imagescan; echo "${COMPREPLY[@]}"'
    )
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    command = ["bash", "--norc", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "delete"


def completed(words: str) -> str:
    """Return what the program offers for a command line."""
    request = {
        "_IMAGESCAN_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "PYTHONPATH": str(paths.ROOT / "cli"),
    }
    command = [sys.executable, "-m", "imagescan_cli"]
    done = subprocess.run(  # noqa: S603 - our own code
        command, env=os.environ | request, capture_output=True, text=True, check=True
    )
    return done.stdout
