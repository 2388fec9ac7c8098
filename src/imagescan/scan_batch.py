"""Scan the images that a batch of messages announces: all at once, equal ones once, each message judged by itself."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from imagescan.scan import Outcome, Result
from imagescan.uploads import Message, Poison, keys_in

MAX_DELAY_SECONDS = 300
# Four such delays, each longer, outlast a lease whose holder died: the fifth delivery gets the image.
HELD_DELAY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A message with what became of its images, or why it is poison."""

    message: Message
    outcomes: tuple[Outcome, ...] = ()
    poison: str | None = None

    @property
    def is_done(self) -> bool:
        return self.poison is None and all(outcome.is_done for outcome in self.outcomes)

    @property
    def delay_seconds(self) -> int:
        """How long a message that is given back should wait: longer each time, for poison not at all."""
        if self.poison:
            return 0
        if all(outcome.is_done or outcome.result is Result.HELD for outcome in self.outcomes):
            return HELD_DELAY_SECONDS * self.message.receives
        return min(10 << (self.message.receives - 1), MAX_DELAY_SECONDS)


def scan_batch(messages: Sequence[Message], scan: Callable[[str], Outcome]) -> list[Judged]:
    """Every message with its outcomes. ``scan`` takes an object key; it is called once for each distinct key."""
    keys = {message.id: _keys(message) for message in messages}
    distinct = list(dict.fromkeys(key for found in keys.values() if not isinstance(found, Poison) for key in found))
    outcomes = dict(zip(distinct, _all_at_once(scan, distinct), strict=True))
    return [_judge(message, keys[message.id], outcomes) for message in messages]


def _keys(message: Message) -> list[str] | Poison:
    try:
        return keys_in(message.body)
    except Poison as reason:
        return reason


def _all_at_once(scan: Callable[[str], Outcome], keys: list[str]) -> list[Outcome]:
    if not keys:
        return []
    with ThreadPoolExecutor(max_workers=len(keys)) as pool:
        return list(pool.map(lambda key: _guarded(scan, key), keys))


def _guarded(scan: Callable[[str], Outcome], key: str) -> Outcome:
    """One image that breaks must not take the others of its batch with it."""
    try:
        return scan(key)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is handed on to be logged
        return Outcome(key, Result.BROKEN, type(error).__name__, error=error)


def _judge(message: Message, keys: list[str] | Poison, outcomes: dict[str, Outcome]) -> Judged:
    if isinstance(keys, Poison):
        return Judged(message, poison=str(keys))
    return Judged(message, tuple(outcomes[key] for key in keys))
