"""Every state of the small scenarios: in each, every invariant holds, and each mutant of the code breaks one."""

from functools import cache

import pytest

from imagescan.use_cases.scan_image import OutcomeKind
from tests.model_checking.explorer import Report
from tests.model_checking.faults import Fault
from tests.model_checking.mutants import MUTANTS, Mutant
from tests.model_checking.run import explored
from tests.model_checking.scenarios import QUICK
from tests.model_checking.state import Scenario

SCENARIOS = {scenario.name: scenario for scenario in QUICK}


@cache
def report_on(name: str) -> Report:
    return explored(SCENARIOS[name])


@pytest.mark.parametrize("scenario", QUICK, ids=lambda scenario: scenario.name)
def test_every_invariant_holds_in_every_state(scenario: Scenario, explorations: list[Report]) -> None:
    report = report_on(scenario.name)
    explorations.append(report)
    assert report.violation is None, report.violation
    assert report.is_complete


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_no_mutant_survives(mutant: Mutant) -> None:
    report = explored(SCENARIOS[mutant.scenario], [mutant.change])
    assert report.violation, f"nobody notices that {mutant}: {report}"


def test_whatever_can_become_of_an_image_does_become_of_one() -> None:
    assert {result for name in SCENARIOS for result in report_on(name).results} == set(OutcomeKind)


def test_every_fault_strikes() -> None:
    assert {fault for name in SCENARIOS for fault in report_on(name).faults} == set(Fault)


def test_a_violation_is_told_step_by_step() -> None:
    [mutant] = [mutant for mutant in MUTANTS if mutant.sentence == "an error becomes empty labels"]
    story = explored(SCENARIOS[mutant.scenario], [mutant.change]).violation or ""
    assert story.splitlines()[0] == "one asks, two faults: r1 is answered by the labels []; its image shows Cat"
    assert "scanner #1 has Rekognition look at image A but is throttled" in story
