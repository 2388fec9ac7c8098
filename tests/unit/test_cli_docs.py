"""Consistency of docs/cli.md with the code."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagescan_cli import config
from imagescan_cli.commands import COMMANDS, app
from imagescan_cli.exit_codes import ExitCode

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def section(heading: str) -> str:
    """Return the text below a heading, up to the next heading of the same level."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def test_section_list_contains_every_heading_in_order() -> None:
    headings = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    assert re.findall(r"^ *\* \[(.+)\]\(#(.+)\)$", PAGE, re.MULTILINE) == [(each, anchor(each)) for each in headings]


def test_command_table_contains_every_command() -> None:
    assert tuple(re.findall(r"^\| `imagescan (\w+)", section("Commands"), re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_options_exist_in_the_commands_that_the_table_names(command: str) -> None:
    rows = re.findall(r"^\| `(--[a-z-]+).*?` \| (.+?) \|", section("Commands"), re.MULTILINE)
    documented = {option for option, commands in rows if f"`{command}`" in commands or commands == "all"}
    help_text = CliRunner().invoke(app, [command, "--help"]).stdout
    assert {option for option in documented if option not in help_text} == set()


def test_configuration_table_contains_every_setting() -> None:
    assert set(re.findall(r"\| `(\w+) = ", section("Configuration"))) == config.SETTINGS


def test_exit_code_table_contains_every_exit_code() -> None:
    documented = re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)
    assert [int(each) for each in documented] == sorted(set(ExitCode))
