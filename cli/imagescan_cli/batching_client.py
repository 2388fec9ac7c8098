"""API client that combines requests of many images into batch calls."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from imagescan_cli.api_client import MAX_ENTRIES, MAX_IDS, ApiClient, ApiResponse
from imagescan_cli.coalescer import RequestCoalescer
from imagescan_cli.errors import ApiError, WrongUrlError
from imagescan_cli.questions import Body

# Seconds that a poll waits for other polls, if any are expected.
MAX_BATCH_DELAY = 0.25
# Format of the IDs that the service creates. Any other ID, such as one with a comma, gets a single call.
_REQUEST_ID = re.compile(r"[\w-]{1,64}", re.ASCII)

type BatchItem = ApiResponse | ApiError | None
"""Result of one item of a batch. None means that the item needs a single call."""


class BatchingClient:
    """Send requests in batches, for callers that upload ``upload_concurrency`` images in parallel.

    A single item is sent with a single call. So is each item of a batch that was rejected as a whole, because one
    invalid item may be the cause. Methods raise the same exceptions as those of ApiClient.
    """

    def __init__(self, client: ApiClient, *, upload_concurrency: int) -> None:
        self._client = client
        self._calls = asyncio.Semaphore(upload_concurrency)
        # Presigned URLs expire soon, so at most one batch is submitted ahead of the uploads in progress.
        self._upload_slots = asyncio.Semaphore(MAX_ENTRIES + upload_concurrency)
        self._acquiring_slots = asyncio.Lock()
        self._pollers = 0
        self._submissions = RequestCoalescer(self._submit_batch, max_size=MAX_ENTRIES)
        self._polls = RequestCoalescer(
            self._get_batch, max_size=MAX_IDS, max_delay=MAX_BATCH_DELAY, expected=lambda: self._pollers
        )

    @asynccontextmanager
    async def submitted(self, body: Body, key: str) -> AsyncIterator[ApiResponse]:
        """Submit an image and hold an upload slot until the context exits."""
        try:
            item = await self._submissions.fetch((body, key))
            yield await self._or_single(item, lambda: self._client.submit(body, key))
        finally:
            self._upload_slots.release()

    async def status(self, request_id: str) -> ApiResponse:
        """Return the state of a request."""
        item = await self._polls.fetch(request_id) if _REQUEST_ID.fullmatch(request_id) else None
        return await self._or_single(item, lambda: self._client.status(request_id))

    @contextmanager
    def polling(self) -> Iterator[None]:
        """Count the caller as polling repeatedly, so that other polls wait for its next one."""
        self._pollers += 1
        try:
            yield
        finally:
            self._pollers -= 1

    async def _submit_batch(self, entries: Sequence[tuple[Body, str]]) -> Sequence[BatchItem]:
        async with self._acquiring_slots:  # prevents a deadlock between two batches that each hold part of the slots
            for _ in entries:
                await self._upload_slots.acquire()
        return await _call_batch(entries, self._client.submit_batch)

    async def _get_batch(self, request_ids: Sequence[str]) -> Sequence[BatchItem]:
        async with self._calls:
            return await _call_batch(request_ids, self._client.status_batch)

    async def _or_single(self, item: BatchItem, call: Callable[[], Awaitable[ApiResponse]]) -> ApiResponse:
        if isinstance(item, ApiError):
            raise item
        if item:
            return item
        async with self._calls:
            return await call()


async def _call_batch[Item](
    items: Sequence[Item], call: Callable[[Sequence[Item]], Awaitable[Sequence[BatchItem]]]
) -> Sequence[BatchItem]:
    try:
        return await call(items) if len(items) > 1 else [None]
    except (ApiError, WrongUrlError):
        return [None] * len(items)
