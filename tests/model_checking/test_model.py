"""Checks every state of the quick scenarios: all invariants hold, and each mutant of the code violates one.

The tests are independent, so that pytest-xdist can distribute them.
"""

from collections.abc import Callable
from functools import cache

import pytest

from imagescan.use_cases.scan_image import OutcomeKind
from tests.model_checking.conftest import PROPERTY
from tests.model_checking.faults import Fault
from tests.model_checking.model_checker import Report
from tests.model_checking.mutants import MUTANTS, Mutant
from tests.model_checking.run import check_scenario
from tests.model_checking.scenarios import DEEP_SCENARIOS, QUICK_SCENARIOS
from tests.model_checking.state import Scenario

# A mutant is found long before a deep scenario is explored completely.
SCENARIOS = {scenario.name: scenario for scenario in (*QUICK_SCENARIOS, *DEEP_SCENARIOS)}

# These scenarios suffice to produce every outcome and every fault. A worker of pytest-xdist may have to repeat them.
COVERING_SCENARIOS = (
    "one request, two faults",
    "attempts are exhausted",
    "midnight passes during two deliveries",
    "resubmitted image, one fault",
    "an image expires",
    "a scan is copied around the deadline",
)


@cache
def report_on(name: str) -> Report:
    return check_scenario(SCENARIOS[name])


@pytest.mark.parametrize("scenario", QUICK_SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_invariant_holds_in_every_state(
    scenario: Scenario, record_property: Callable[[str, object], None]
) -> None:
    report = report_on(scenario.name)
    record_property(PROPERTY, str(report))
    assert report.violation is None, report.violation
    assert report.is_complete


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_every_mutant_is_detected(mutant: Mutant) -> None:
    report = check_scenario(SCENARIOS[mutant.scenario], [mutant.change])
    assert report.violation, f"the model checker does not detect that {mutant}: {report}"


def test_every_outcome_of_a_scan_occurs() -> None:
    assert {outcome for name in COVERING_SCENARIOS for outcome in report_on(name).outcomes} == set(OutcomeKind)


def test_every_fault_is_injected() -> None:
    assert {fault for name in COVERING_SCENARIOS for fault in report_on(name).faults} == set(Fault)


def test_a_violation_comes_with_its_trace() -> None:
    [mutant] = [mutant for mutant in MUTANTS if mutant.description == "a transient error becomes an empty label list"]
    trace = check_scenario(SCENARIOS[mutant.scenario], [mutant.change]).violation or ""
    assert trace.splitlines()[0] == "one request, two faults: r1 was answered with the labels []; its image shows Cat"
    assert "scanner #1 detects the labels of image A but is throttled" in trace
