"""What is asked at about the same moment, asked in one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Call[Asked, Told]:
    asked: list[Asked] = field(default_factory=list)
    is_full: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Task[Sequence[Told]] | None = None


class Together[Asked, Told]:
    """Gathers up to ``most`` for a call of ``ask_all``, which answers them in order or raises the same for each.

    Whoever asks first waits up to ``seconds`` for others, as long as fewer have come than are ``expected``. Those who
    ask in the same turn of the event loop are always together.
    """

    def __init__(
        self,
        ask_all: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]],
        *,
        most: int,
        seconds: float = 0,
        expected: Callable[[], int] = lambda: 0,
    ) -> None:
        self._ask_all = ask_all
        self._most, self._seconds, self._expected = most, seconds, expected
        self._next: _Call[Asked, Told] | None = None

    async def ask(self, asked: Asked) -> Told:
        """The answer to this one."""
        call = self._next = self._next or _Call()
        call.told = call.told or asyncio.create_task(self._tell(call))
        call.asked.append(asked)
        place = len(call.asked) - 1
        if len(call.asked) >= min(self._most, self._expected()):
            call.is_full.set()
        if len(call.asked) == self._most:
            self._next = None
        return (await call.told)[place]

    async def _tell(self, call: _Call[Asked, Told]) -> Sequence[Told]:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await call.is_full.wait()
        if self._next is call:
            self._next = None
        return await self._ask_all(call.asked)
