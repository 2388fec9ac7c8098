"""Explores a scenario on a copy of the production code, changed or as it is."""

from collections.abc import Sequence
from dataclasses import asdict

from tests.model_checking.explorer import Report
from tests.model_checking.production import Change, load
from tests.model_checking.state import Scenario


def explored(scenario: Scenario, changes: Sequence[Change] = (), max_seconds: float = 900.0) -> Report:
    """What the scenario's exploration found. The cap on attempts is scaled down to the scenario's own."""
    cap = Change("imagescan.settings", "MAX_ATTEMPTS = 5", f"MAX_ATTEMPTS = {scenario.max_attempts}")
    found = load("tests.model_checking.explorer", [cap, *changes]).explore(scenario, max_seconds)
    return Report(**asdict(found))  # out of the copy's class into everybody's
