"""Prints the model checking reports at the end of a test run, also those from the workers of pytest-xdist."""

import pytest

PROPERTY = "model checking report"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    finished = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    reports = [value for test in finished for name, value in test.user_properties if name == PROPERTY]
    if reports:
        terminalreporter.section("model checking")
        terminalreporter.write_line("\n".join(map(str, reports)))
