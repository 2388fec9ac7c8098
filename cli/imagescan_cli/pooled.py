"""The service's answers about one picture, had for many in one call."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from imagescan_cli.questions import Body
from imagescan_cli.service import MOST_ENTRIES, MOST_IDS, Refused, Reply, Service
from imagescan_cli.together import Together

# Seconds for which a look waits for others, where there are any.
PATIENCE = 0.25
# Made like the service's own: what is not, such as one with a comma, is asked about by itself.
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)

type Told = Reply | Refused | None
"""None for what is to be asked by itself."""


class Pooled:
    """Asks a service about many pictures at once, ``uploads_at_once`` of which are uploaded at the same moment.

    Whoever is alone is asked about alone, and so is each of those whose call was refused as a whole: what was refused
    may be one of them. Its methods raise what those of the service do.
    """

    def __init__(self, service: Service, *, uploads_at_once: int) -> None:
        self._service = service
        self._calls = asyncio.Semaphore(uploads_at_once)
        # An address is good for a short while: none is had before the uploads under way are nearly those of one round.
        self._places = asyncio.Semaphore(MOST_ENTRIES + uploads_at_once)
        self._taking_places = asyncio.Lock()
        self._awaited = 0
        self._announced = Together(self._announce, most=MOST_ENTRIES)
        self._read = Together(self._look_at, most=MOST_IDS, seconds=PATIENCE, expected=lambda: self._awaited)

    @asynccontextmanager
    async def announced(self, body: Body, key: str) -> AsyncIterator[Reply]:
        """The request for a picture, which within the context counts as one that is being uploaded."""
        try:
            told = await self._announced.ask((body, key))
            yield await self._or_alone(told, lambda: self._service.submit(body, key))
        finally:
            self._places.release()

    async def status(self, request_id: str) -> Reply:
        """How a request stands."""
        told = await self._read.ask(request_id) if _ID.fullmatch(request_id) else None
        return await self._or_alone(told, lambda: self._service.status(request_id))

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """A request is looked at again and again within it, so that others' looks are worth waiting for it."""
        self._awaited += 1
        try:
            yield
        finally:
            self._awaited -= 1

    async def _announce(self, entries: Sequence[tuple[Body, str]]) -> Sequence[Told]:
        async with self._taking_places:  # else two calls might each hold what the other one lacks
            for _ in entries:
                await self._places.acquire()
        return await _in_one_call(entries, self._service.submit_many)

    async def _look_at(self, request_ids: Sequence[str]) -> Sequence[Told]:
        async with self._calls:
            return await _in_one_call(request_ids, self._service.status_many)

    async def _or_alone(self, told: Told, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        if isinstance(told, Refused):
            raise told
        if told:
            return told
        async with self._calls:
            return await ask()


async def _in_one_call[Asked](
    asked: Sequence[Asked], call: Callable[[Sequence[Asked]], Awaitable[Sequence[Told]]]
) -> Sequence[Told]:
    try:
        return await call(asked) if len(asked) > 1 else [None]
    except Refused:
        return [None] * len(asked)
