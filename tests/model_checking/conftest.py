"""Tells at the end of a test run what was explored."""

import pytest

from tests.model_checking.explorer import Report

_REPORTS = pytest.StashKey[list[Report]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORTS] = []


@pytest.fixture
def explorations(pytestconfig: pytest.Config) -> list[Report]:
    """The reports that are told at the end."""
    return pytestconfig.stash.setdefault(_REPORTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = config.stash.get(_REPORTS, [])
    if reports:
        terminalreporter.section("explored")
        terminalreporter.write_line("\n".join(map(str, reports)))
