"""Pictures in, answers out: sends what the service lacks, waits for what it has yet to say."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator

from imagescan_cli.answers import Answer, failed, has_lapsed, is_pending
from imagescan_cli.pictures import Picture
from imagescan_cli.pooled import Pooled
from imagescan_cli.questions import Body, Question, idempotency_key, submission
from imagescan_cli.service import Refused, Reply, Service

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
# Each lapsed request costs one call to step over; so many in a row mean that the service is in trouble.
MOST_LAPSED = 10
# Seconds for which an upload's address is used; it is good for 15 minutes.
LONGEST_HELD = 5 * 60
UPLOADED = "The image was uploaded and is waiting to be scanned."


class Scanning:
    """Speaks to the service about many pictures at once, ``concurrency`` of which are uploaded at the same moment.

    ``until`` is the moment of the monotonic clock after which a pending request is no longer waited for; None waits
    until the service answers, which it does by the request's deadline. ``in_full`` has answers hold all that pictures
    show, which takes a further call for pictures that the service knew. What the service refuses, and an upload that
    does not get through, is an answer that failed; only Unreachable is raised, because it concerns every picture.
    """

    def __init__(self, service: Service, *, concurrency: int, until: float | None = None, in_full: bool = True) -> None:
        self._service, self._pooled = service, Pooled(service, uploads_at_once=concurrency)
        self._until, self._in_full = until, in_full
        self._uploading = asyncio.Semaphore(concurrency)

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
            reply = await self._sent(picture, question)
        finally:
            sent()
        answer = await self._wait(reply) if wait else reply.answer
        is_whole = not self._in_full or "labels" in answer
        return answer if is_whole else (await self._pooled.status(answer["request_id"])).answer

    async def _sent(self, picture: Picture, question: Question) -> Reply:
        body = submission(picture, question)
        key = idempotency_key(body)
        for _ in range(MOST_LAPSED):
            reply = await self._sent_as(picture, body, key)
            if not has_lapsed(reply.answer):
                return reply
            key = idempotency_key(body, reply.answer["request_id"])
        return await self._sent_as(picture, body, key)

    async def _sent_as(self, picture: Picture, body: Body, key: str) -> Reply:
        async with self._pooled.announced(body, key) as reply:
            if not reply.answer.get("upload"):
                return reply
            async with self._uploading:
                is_stale = time.monotonic() - reply.came_at > LONGEST_HELD
                fresh = await self._service.submit(body, key) if is_stale else reply
                await self._upload_if_wanted(picture, fresh.answer)
                return fresh

    async def _upload_if_wanted(self, picture: Picture, answer: Answer) -> None:
        if upload := answer.get("upload"):
            await self._service.upload(upload, await asyncio.to_thread(_bytes_of, picture))
            # No longer true; and whoever reads the answer could upload in our stead.
            answer.update(upload=None, message=UPLOADED)

    async def _status(self, request_id: str, *, wait: bool) -> Answer:
        reply = await self._pooled.status(request_id)
        return await self._wait(reply) if wait else reply.answer

    async def _ask(self, request_id: str, question: Question) -> Answer:
        return (await self._service.ask(request_id, question.body())).answer

    async def _wait(self, reply: Reply) -> Answer:
        with self._pooled.awaited():
            for pause in pauses():
                seconds = max(pause, reply.retry_after)
                if not is_pending(reply.answer) or self._would_be_late(seconds):
                    break
                await asyncio.sleep(seconds * random.uniform(1, 1.25))  # noqa: S311 - spreads calls, guards nothing
                reply = await self._pooled.status(reply.answer["request_id"])
        return reply.answer

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
