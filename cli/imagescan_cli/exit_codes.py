"""Exit codes of the commands. Pure."""

from collections.abc import Iterable
from enum import IntEnum

from imagescan_cli.schemas import Outcome, RequestJson, has_failed, outcome


class ExitCode(IntEnum):
    """Exit codes of `imagescan`. Typer itself uses 2 for usage errors."""

    MATCH = 0
    NO_QUESTION = 0
    ACCEPTED = 0
    NO_MATCH = 1
    USAGE = 2
    FAILED = 3
    PENDING = 4
    INTERRUPTED = 130


_BY_OUTCOME = {
    Outcome.FAILED: ExitCode.FAILED,
    Outcome.PENDING: ExitCode.PENDING,
    Outcome.MATCH: ExitCode.MATCH,
    Outcome.NO_MATCH: ExitCode.NO_MATCH,
    Outcome.SCANNED: ExitCode.NO_QUESTION,
}


def exit_code(results: Iterable[RequestJson]) -> ExitCode:
    """Return the exit code for results, by precedence: failed, pending, match, no match, no question."""
    outcomes = {outcome(result) for result in results}
    return next((code for each, code in _BY_OUTCOME.items() if each in outcomes), ExitCode.NO_MATCH)


def exit_code_after_wait(results: Iterable[RequestJson]) -> ExitCode:
    """Return the exit code of a command that waits. A request that is still pending has timed out."""
    code = exit_code(results)
    return ExitCode.FAILED if code is ExitCode.PENDING else code


def exit_code_after_submit(results: Iterable[RequestJson]) -> ExitCode:
    """Return ACCEPTED unless a request failed. The answers themselves do not matter."""
    return ExitCode.FAILED if exit_code(results) is ExitCode.FAILED else ExitCode.ACCEPTED


def exit_code_after_delete(results: Iterable[RequestJson]) -> ExitCode:
    """Return ACCEPTED if every request was deleted."""
    return ExitCode.FAILED if any(map(has_failed, results)) else ExitCode.ACCEPTED
