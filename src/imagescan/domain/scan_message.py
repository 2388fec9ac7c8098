"""A delivery of a message from the scan queue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScanMessage:
    """One delivery of a queue message, with the object keys that it names.

    ``receives`` counts the deliveries of the message, including this one. ``error`` says why the message could not be
    parsed; it is None for a valid message.
    """

    id: str
    receipt: str
    receives: int
    keys: tuple[str, ...] = ()
    error: str | None = None
