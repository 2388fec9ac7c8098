"""Redeliver the messages of one dead-letter queue."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from ops.redrive.dead_letters import DeadLetter, DeadLetterQueue, RedeliveryFailed, RedriveTarget

KEPT, REDELIVERED = "kept", "redelivered"


def redrive(
    queue: DeadLetterQueue, target: RedriveTarget, console: Console, *, only_list: bool, include_malformed: bool
) -> bool:
    """Print every message of the queue and redeliver it, except malformed messages unless they are included.

    With `only_list`, redeliver nothing. Return False if a redelivery failed.
    """
    table = Table("sent", "message", "reason", "status", title=f"Dead-letter queue: {target.name}")
    statuses, has_malformed = [], False
    for letter in queue.receive_all():
        reason = target.reason(letter)
        has_malformed = has_malformed or reason.is_malformed
        if only_list or (reason.is_malformed and not include_malformed):
            queue.release(letter)
            statuses.append(KEPT)
        else:
            statuses.append(_redeliver(letter, queue, target))
        table.add_row(_format_time(letter.sent_at), letter.id, str(reason), statuses[-1])
    summary = f"{statuses.count(REDELIVERED)} of {len(statuses)} messages redelivered to the {target.name}."
    _print(console, table, summary)
    if has_malformed and not include_malformed:
        console.print("Malformed messages were kept. Use --all to redeliver them.")
    return set(statuses) <= {KEPT, REDELIVERED}


def _redeliver(letter: DeadLetter, queue: DeadLetterQueue, target: RedriveTarget) -> str:
    """Redeliver the message, then delete it. Return its status."""
    try:
        target.redeliver(letter)
    except RedeliveryFailed as failure:
        queue.release(letter)
        return f"{KEPT}: {failure}"
    queue.delete(letter)
    return REDELIVERED


def _print(console: Console, table: Table, summary: str) -> None:
    if table.row_count:
        console.print(table)
    console.print(summary)


def _format_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
