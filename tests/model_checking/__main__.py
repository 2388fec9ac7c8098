"""The deep exploration: python -m tests.model_checking, or make explore. Ends with 1 when an invariant does not hold."""
# ruff: noqa: T201 - a report is printed

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.model_checking.explorer import Report
from tests.model_checking.mutants import MUTANTS, Mutant
from tests.model_checking.run import explored
from tests.model_checking.scenarios import DEEP, QUICK

MAX_SECONDS = 720.0  # for all scenarios together


def explore_all() -> bool:
    """Explores every scenario, as many at once as there are processors; whether every invariant held everywhere."""
    at_once = os.process_cpu_count() or 1
    max_seconds = MAX_SECONDS / -(-len(DEEP) // at_once)
    print(f"{len(DEEP)} scenarios, {at_once} at once, {max_seconds:.0f} s at most for each.", flush=True)
    with ProcessPoolExecutor(at_once, max_tasks_per_child=1) as pool:
        running = [pool.submit(explored, scenario, (), max_seconds) for scenario in DEEP]
        violations = [_told(future.result()) for future in as_completed(running)]
    return not any(violations)


def _told(report: Report) -> str | None:
    print(report.violation or report, flush=True)
    return report.violation


def kill_all() -> bool:
    """Lets every mutant loose; whether each was found."""
    survivors = [mutant for mutant in MUTANTS if _survives(mutant)]
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants found.", *survivors, sep="\n  survived: ")
    return not survivors


def _survives(mutant: Mutant) -> bool:
    [scenario] = [scenario for scenario in QUICK if scenario.name == mutant.scenario]
    return explored(scenario, [mutant.change]).violation is None


if __name__ == "__main__":
    started = time.perf_counter()
    is_well = all([explore_all(), kill_all()])
    print(f"{time.perf_counter() - started:.0f} s in all.")
    sys.exit(not is_well)
