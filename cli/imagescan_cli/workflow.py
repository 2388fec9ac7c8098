"""Workflow of a scan: submit by hash, upload if required, poll until finished."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from imagescan_cli.api_client import ApiClient, ApiResponse
from imagescan_cli.batching_client import BatchingClient
from imagescan_cli.clean_files import read_content
from imagescan_cli.errors import ApiError
from imagescan_cli.image_files import ImageFile
from imagescan_cli.questions import Body, Question, idempotency_key, submit_body
from imagescan_cli.schemas import Outcome, RequestJson, failed_request, is_retryable, outcome

MIN_POLL_DELAY, MAX_POLL_DELAY = 0.2, 10.0  # seconds
MAX_WAIT_SECONDS = 20  # the client's timeout for a response is longer
MAX_HELD_RESPONSES = 3
POLL_BACKOFF_FACTOR = 1.3
# Each failed request takes one more call. This many in a row mean that the service has a problem.
MAX_REPLACED = 10
# Seconds after which a presigned URL is replaced. It is valid for 15 minutes.
MAX_URL_AGE_SECONDS = 5 * 60
UPLOADED = "Uploaded. The image has not been scanned yet."


class ScanWorkflow:
    """Scan many images concurrently and upload ``concurrency`` of them in parallel.

    ``deadline`` is a time of the monotonic clock after which the workflow stops polling. None polls until the service
    finishes the request, which it does by the request's own deadline. With ``in_full``, results include findings, which
    takes one more call for known images. Errors of the API and failed uploads are returned as failed requests. Only
    UnreachableError, WrongUrlError and RejectedCredentialsError are raised, because they affect every image.
    """

    def __init__(
        self, client: ApiClient, *, concurrency: int, deadline: float | None = None, in_full: bool = True
    ) -> None:
        self._client, self._batching = client, BatchingClient(client, upload_concurrency=concurrency)
        self._deadline, self._in_full = deadline, in_full
        self._uploading = asyncio.Semaphore(concurrency)
        self._in_progress = 0

    @property
    def uploads(self) -> int:
        """Number of uploaded images."""
        return self._client.uploads

    async def submit(
        self, image: ImageFile, question: Question, *, wait: bool, on_submitted: Callable[[], None]
    ) -> RequestJson:
        """Submit an image and upload it if required. Call ``on_submitted`` afterwards, also after an error."""
        with self._counted():
            return await _or_failed(self._submit(image, question, wait=wait, on_submitted=on_submitted))

    async def status(self, request_id: str, *, wait: bool) -> RequestJson:
        """Return the state of a request. With ``wait``, poll until it is finished."""
        with self._counted():
            return await _or_failed(self._status(request_id, wait=wait), request_id)

    async def ask(self, request_id: str, question: Question) -> RequestJson:
        """Return the answer to a follow-up question about the image of a request."""
        return await _or_failed(self._ask(request_id, question), request_id)

    async def delete(self, request_id: str) -> RequestJson:
        """Delete a request."""
        return await _or_failed(self._delete(request_id), request_id)

    async def _submit(
        self, image: ImageFile, question: Question, *, wait: bool, on_submitted: Callable[[], None]
    ) -> RequestJson:
        try:
            response = await self._submit_retryable(image, question)
        finally:
            on_submitted()
        request = await self._wait(response) if wait else response.body
        is_complete = not self._in_full or "labels" in request
        return request if is_complete else (await self._batching.status(request["request_id"])).body

    async def _submit_retryable(self, image: ImageFile, question: Question) -> ApiResponse:
        body = submit_body(image, question)
        key = idempotency_key(body)
        for _ in range(MAX_REPLACED):
            try:
                response = await self._submit_with_key(image, body, key)
            except ApiError as error:
                if error.code != "request_deleted":
                    raise
                key = idempotency_key(body, replaces=key)
            else:
                if not is_retryable(response.body):
                    return response
                key = idempotency_key(body, replaces=response.body["request_id"])
        return await self._submit_with_key(image, body, key)

    async def _submit_with_key(self, image: ImageFile, body: Body, key: str) -> ApiResponse:
        async with self._batching.submitted(body, key) as response:
            if not response.body.get("upload"):
                return response
            async with self._uploading:
                is_stale = time.monotonic() - response.received_at > MAX_URL_AGE_SECONDS
                current = await self._client.submit(body, key) if is_stale else response
                await self._upload_if_required(image, current.body)
                return current

    async def _upload_if_required(self, image: ImageFile, request: RequestJson) -> None:
        if upload := request.get("upload"):
            await self._client.upload(upload, await asyncio.to_thread(read_content, image))
            # The upload is done. Printing the presigned URL would let readers of the output upload.
            request.update(upload=None, message=UPLOADED)

    async def _status(self, request_id: str, *, wait: bool) -> RequestJson:
        response = await self._batching.status(request_id)
        return await self._wait(response) if wait else response.body

    async def _ask(self, request_id: str, question: Question) -> RequestJson:
        return (await self._client.ask(request_id, question.body())).body

    async def _delete(self, request_id: str) -> RequestJson:
        async with self._uploading:
            await self._client.delete(request_id)
        return {"request_id": request_id, "status": "deleted", "message": "Deleted."}

    async def _wait(self, response: ApiResponse) -> RequestJson:
        """Poll until the request is finished.

        If it is the only one in progress, ask the service to hold the first responses, if it supports that.
        """
        for _ in range(MAX_HELD_RESPONSES):
            seconds = self._wait_seconds(response)
            if seconds < 1:
                break
            response = await self._client.wait(response.body["request_id"], int(seconds))
        with self._batching.polling():
            for delay in poll_delays():
                seconds = max(delay, response.retry_after)
                if outcome(response.body) is not Outcome.PENDING or self._exceeds_deadline(seconds):
                    break
                await asyncio.sleep(seconds * random.uniform(1, 1.25))  # noqa: S311 - jitter, not security
                response = await self._batching.status(response.body["request_id"])
        return response.body

    def _wait_seconds(self, response: ApiResponse) -> float:
        """Return the seconds for which to ask the service to hold the next response, or 0 to poll."""
        is_deferred = response.retry_after > MAX_WAIT_SECONDS
        is_only = self._in_progress == 1 and self._client.can_wait
        if outcome(response.body) is not Outcome.PENDING or is_deferred or not is_only:
            return 0
        remaining = math.inf if self._deadline is None else self._deadline - time.monotonic()
        return min(MAX_WAIT_SECONDS, remaining)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a submission or a status as in progress."""
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    def _exceeds_deadline(self, seconds: float) -> bool:
        return self._deadline is not None and time.monotonic() + seconds > self._deadline


def poll_delays() -> Iterator[float]:
    """Yield the seconds between polls, with exponential backoff. The first are short because most scans are."""
    seconds = MIN_POLL_DELAY
    while True:
        yield seconds
        seconds = min(seconds * POLL_BACKOFF_FACTOR, MAX_POLL_DELAY)


async def _or_failed(result: Awaitable[RequestJson], request_id: str | None = None) -> RequestJson:
    try:
        return await result
    except ApiError as error:
        return failed_request(error.code, error.message, request_id)
