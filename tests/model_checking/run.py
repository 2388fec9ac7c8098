"""Checks a scenario with a copy of the production code, with or without changes."""

from collections.abc import Sequence
from dataclasses import asdict

from tests.model_checking.model_checker import Report
from tests.model_checking.production import Change, load
from tests.model_checking.state import Scenario


def check_scenario(scenario: Scenario, changes: Sequence[Change] = (), max_seconds: float = 900.0) -> Report:
    """Return the report on the scenario. The limit of attempts is set to the scenario's own."""
    attempts = Change("imagescan.domain.policy", "MAX_ATTEMPTS = 5", f"MAX_ATTEMPTS = {scenario.max_attempts}")
    report = load("tests.model_checking.model_checker", [attempts, *changes]).check_model(scenario, max_seconds)
    return Report(**asdict(report))  # converts the copy's class to the shared class
