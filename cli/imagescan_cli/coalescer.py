"""Coalescing of concurrent requests into batch calls (the DataLoader pattern)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Batch[Item, Result]:
    items: list[Item] = field(default_factory=list)
    is_full: asyncio.Event = field(default_factory=asyncio.Event)
    results: asyncio.Task[Sequence[Result]] | None = None


class RequestCoalescer[Item, Result]:
    """Collect up to ``max_size`` items for one call of ``fetch_batch``.

    ``fetch_batch`` returns one result per item in the same order. If it raises, every item of the batch gets the
    exception. The first item of a batch waits up to ``max_delay`` seconds while the batch holds fewer items than
    ``expected`` returns. Items of the same event loop iteration always share a batch.
    """

    def __init__(
        self,
        fetch_batch: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        max_size: int,
        max_delay: float = 0,
        expected: Callable[[], int] = lambda: 0,
    ) -> None:
        self._fetch_batch = fetch_batch
        self._max_size, self._max_delay, self._expected = max_size, max_delay, expected
        self._next: _Batch[Item, Result] | None = None

    async def fetch(self, item: Item) -> Result:
        """Return the result of one item. Raise what ``fetch_batch`` raises."""
        batch = self._next = self._next or _Batch()
        batch.results = batch.results or asyncio.create_task(self._dispatch(batch))
        batch.items.append(item)
        position = len(batch.items) - 1
        if len(batch.items) >= min(self._max_size, self._expected()):
            batch.is_full.set()
        if len(batch.items) == self._max_size:
            self._next = None
        return (await batch.results)[position]

    async def _dispatch(self, batch: _Batch[Item, Result]) -> Sequence[Result]:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._max_delay):
                await batch.is_full.wait()
        if self._next is batch:
            self._next = None
        return await self._fetch_batch(batch.items)
