"""Check the deep scenarios: python -m tests.model_checking, or make model-check. Exit with 1 on a violation."""
# ruff: noqa: T201 - prints a report

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.model_checking.model_checker import Report
from tests.model_checking.mutants import MUTANTS, Mutant
from tests.model_checking.run import check_scenario
from tests.model_checking.scenarios import DEEP_SCENARIOS, QUICK_SCENARIOS

MAX_SECONDS = 720.0  # for all scenarios together


def check_scenarios() -> bool:
    """Check every scenario, one per processor at a time. Return whether every invariant held."""
    workers = os.process_cpu_count() or 1
    max_seconds = MAX_SECONDS / -(-len(DEEP_SCENARIOS) // workers)
    print(f"{len(DEEP_SCENARIOS)} scenarios, {workers} at a time, at most {max_seconds:.0f} s each.", flush=True)
    with ProcessPoolExecutor(workers, max_tasks_per_child=1) as pool:
        running = [pool.submit(check_scenario, scenario, (), max_seconds) for scenario in DEEP_SCENARIOS]
        violations = [_print_report(future.result()) for future in as_completed(running)]
    return not any(violations)


def _print_report(report: Report) -> str | None:
    print(report.violation or report, flush=True)
    return report.violation


def check_mutants() -> bool:
    """Check every mutant. Return whether all were detected."""
    survivors = [mutant for mutant in MUTANTS if _survives(mutant)]
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants detected.", *survivors, sep="\n  survived: ")
    return not survivors


def _survives(mutant: Mutant) -> bool:
    scenarios = (*QUICK_SCENARIOS, *DEEP_SCENARIOS)
    [scenario] = [scenario for scenario in scenarios if scenario.name == mutant.scenario]
    return check_scenario(scenario, [mutant.change]).violation is None


if __name__ == "__main__":
    started = time.perf_counter()
    passed = all([check_scenarios(), check_mutants()])
    print(f"{time.perf_counter() - started:.0f} s in total.")
    sys.exit(not passed)
