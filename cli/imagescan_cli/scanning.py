"""Pictures in, answers out: sends what the service lacks, waits for what it has yet to say."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator

from imagescan_cli.answers import Answer, failed, has_lapsed, is_pending
from imagescan_cli.pictures import Picture
from imagescan_cli.questions import Question, idempotency_key, submission
from imagescan_cli.service import Refused, Reply, Service

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
# Each lapsed request costs one call to step over; so many in a row mean that the service is in trouble.
MOST_LAPSED = 10
UPLOADED = "The image was uploaded and is waiting to be scanned."


class Scanning:
    """Speaks to the service about many pictures at once, about ``concurrency`` of them at the same moment.

    ``until`` is the moment of the monotonic clock after which a pending request is no longer waited for; None waits
    until the service answers, which it does by the request's deadline. What the service refuses, and an upload that
    does not get through, is an answer that failed; only Unreachable is raised, because it concerns every picture.
    """

    def __init__(self, service: Service, *, concurrency: int, until: float | None = None) -> None:
        self._service = service
        self._until = until
        # Apart, because else a folder's first answers would be fetched only after its last picture was sent.
        self._sending = asyncio.Semaphore(concurrency)
        self._reading = asyncio.Semaphore(concurrency)

    @property
    def uploads(self) -> int:
        """How many pictures were uploaded."""
        return self._service.uploads

    async def submit(self, picture: Picture, question: Question, *, wait: bool, sent: Callable[[], None]) -> Answer:
        """Asks about a picture and uploads it if it has to be; calls ``sent`` once that is done."""
        return await _or_failed(self._submit(picture, question, wait=wait, sent=sent))

    async def status(self, request_id: str, *, wait: bool) -> Answer:
        """How a request stands or, with ``wait``, ends."""
        return await _or_failed(self._status(request_id, wait=wait), request_id)

    async def ask(self, request_id: str, question: Question) -> Answer:
        """The answer to a further question about a request's image."""
        return await _or_failed(self._ask(request_id, question), request_id)

    async def _submit(self, picture: Picture, question: Question, *, wait: bool, sent: Callable[[], None]) -> Answer:
        try:
            # One slot for both calls, because an upload's address is good for a short while only.
            async with self._sending:
                reply = await self._request(picture, question)
                await self._upload_if_wanted(picture, reply.answer)
        finally:
            sent()
        return await self._wait(reply) if wait else reply.answer

    async def _request(self, picture: Picture, question: Question) -> Reply:
        body = submission(picture, question)
        reply = await self._service.submit(body, idempotency_key(body))
        for _ in range(MOST_LAPSED):
            if not has_lapsed(reply.answer):
                break
            reply = await self._service.submit(body, idempotency_key(body, reply.answer["request_id"]))
        return reply

    async def _upload_if_wanted(self, picture: Picture, answer: Answer) -> None:
        if upload := answer.get("upload"):
            await self._service.upload(upload, await asyncio.to_thread(_bytes_of, picture))
            # No longer true; and whoever reads the answer could upload in our stead.
            answer.update(upload=None, message=UPLOADED)

    async def _status(self, request_id: str, *, wait: bool) -> Answer:
        reply = await self._read(request_id)
        return await self._wait(reply) if wait else reply.answer

    async def _ask(self, request_id: str, question: Question) -> Answer:
        return (await self._service.ask(request_id, question.body())).answer

    async def _wait(self, reply: Reply) -> Answer:
        for pause in pauses():
            seconds = max(pause, reply.retry_after)
            if not is_pending(reply.answer) or self._would_be_late(seconds):
                break
            await asyncio.sleep(seconds * random.uniform(1, 1.25))  # noqa: S311 - spreads calls, guards nothing
            reply = await self._read(reply.answer["request_id"])
        return reply.answer

    async def _read(self, request_id: str) -> Reply:
        async with self._reading:
            return await self._service.status(request_id)

    def _would_be_late(self, seconds: float) -> bool:
        return self._until is not None and time.monotonic() + seconds > self._until


def pauses() -> Iterator[float]:
    """Seconds between one look and the next, where the service does not ask for more: most scans are short."""
    seconds = SHORTEST_PAUSE
    while True:
        yield seconds
        seconds = min(seconds * 1.3, LONGEST_PAUSE)


async def _or_failed(answer: Awaitable[Answer], request_id: str | None = None) -> Answer:
    try:
        return await answer
    except Refused as refused:
        return failed(refused.code, refused.message, request_id)


def _bytes_of(picture: Picture) -> bytes:
    try:
        return picture.path.read_bytes()
    except OSError as error:
        raise Refused("unreadable", f"The file cannot be read: {error.strerror}.") from error
