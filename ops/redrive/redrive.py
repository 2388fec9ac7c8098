"""One round over the messages that a queue holds because they were given up."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from ops.redrive.letters import Addressee, Letter, LetterQueue, NotTaken

STAYS, RETURNED = "stays", "returned"


def redrive(queue: LetterQueue, addressee: Addressee, console: Console, *, only_list: bool, with_poison: bool) -> bool:
    """Print every message of the queue; hand over those that may be taken now, and poison too when asked.

    Whether each that was handed over was taken.
    """
    table = Table("sent", "message", "reason", "now", title=f"Dead letters for {addressee.name}")
    fates, poison = [], False
    for letter in queue.letters():
        reason = addressee.reason(letter)
        poison = poison or reason.is_poison
        if only_list or (reason.is_poison and not with_poison):
            queue.leave(letter)
            fates.append(STAYS)
        else:
            fates.append(_hand_over(letter, queue, addressee))
        table.add_row(_time(letter.sent_at), letter.id, str(reason), fates[-1])
    _print(console, table, f"{fates.count(RETURNED)} of {len(fates)} dead letters returned to {addressee.name}.")
    if poison and not with_poison:
        console.print("Poison stays: it would be given up again. --all returns it too.")
    return set(fates) <= {STAYS, RETURNED}


def _hand_over(letter: Letter, queue: LetterQueue, addressee: Addressee) -> str:
    """What became of it."""
    try:
        addressee.give_back(letter)
    except NotTaken as refusal:
        queue.leave(letter)
        return f"{STAYS}: {refusal}"
    queue.forget(letter)
    return RETURNED


def _print(console: Console, table: Table, summary: str) -> None:
    if table.row_count:
        console.print(table)
    console.print(summary)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
