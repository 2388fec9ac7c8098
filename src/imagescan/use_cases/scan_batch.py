"""Scan the images of a batch of messages concurrently. Each distinct image is scanned once per batch."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from imagescan.domain.scan_message import ScanMessage
from imagescan.use_cases.scan_image import MAX_DELAY_SECONDS, Outcome, OutcomeKind

LEASED_DELAY_SECONDS, LONG_LEASED_DELAY_SECONDS = 10, 45
"""Delays after which a message for a leased image or content is retried: after the first delivery, and after each
further one. The fourth delivery comes after the lease of one that crashed. Of several files with the same content, one
gets the lease then, and the fifth delivery of the others finds its scan."""
REQUEST_DELAY_SECONDS = 4
"""Unit of the delay before a request that may still be stored is looked for again. Four such delays last 40 seconds."""


@dataclass(frozen=True, slots=True)
class MessageResult:
    """A message with the outcomes of its images, one for each feature that was scanned."""

    message: ScanMessage
    outcomes: tuple[Outcome, ...] = ()

    @property
    def is_done(self) -> bool:
        """Return whether the message may be deleted."""
        return self.message.error is None and all(outcome.is_done for outcome in self.outcomes)

    @property
    def delay_seconds(self) -> int:
        """Return the delay before a retry: the time until the next attempt, or one that grows with each delivery.

        It is zero for a malformed message.
        """
        if self.message.error:
            return 0
        waits = [outcome.wait_seconds for outcome in self.outcomes if not outcome.is_done]
        known = [wait for wait in waits if wait is not None]
        if known and len(known) == len(waits):
            return min(math.ceil(min(known)), MAX_DELAY_SECONDS)
        kinds = {outcome.kind for outcome in self.outcomes if not outcome.is_done}
        if kinds == {OutcomeKind.LEASED}:
            return LEASED_DELAY_SECONDS if self.message.receives == 1 else LONG_LEASED_DELAY_SECONDS
        if kinds == {OutcomeKind.REQUEST_MISSING}:
            return REQUEST_DELAY_SECONDS * self.message.receives
        return min(10 << (self.message.receives - 1), MAX_DELAY_SECONDS)


def scan_batch(messages: Sequence[ScanMessage], scan: Callable[[str], Sequence[Outcome]]) -> list[MessageResult]:
    """Return the result of every message. ``scan`` is called once for each distinct object key."""
    keys = list(dict.fromkeys(key for message in messages for key in message.keys))
    outcomes = dict(zip(keys, _scan_concurrently(scan, keys), strict=True))
    return [
        MessageResult(message, tuple(outcome for key in message.keys for outcome in outcomes[key]))
        for message in messages
    ]


def _scan_concurrently(scan: Callable[[str], Sequence[Outcome]], keys: list[str]) -> list[Sequence[Outcome]]:
    if not keys:
        return []
    with ThreadPoolExecutor(max_workers=len(keys)) as pool:
        return list(pool.map(lambda key: _catch_errors(scan, key), keys))


def _catch_errors(scan: Callable[[str], Sequence[Outcome]], key: str) -> Sequence[Outcome]:
    """Scan one image. An error must not affect the other images of the batch."""
    try:
        return scan(key)
    except Exception as error:  # noqa: BLE001 - the outcome carries every error to the log
        return [Outcome(key, OutcomeKind.UNEXPECTED_ERROR, type(error).__name__, error=error)]
