"""The API over HTTP, and the uploads that it asks for. What passes is tried again; the rest is an exception."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx
from httpx_retries import Retry, aretry_request

from imagescan_cli import __version__
from imagescan_cli.answers import Answer, are_results, is_answer, is_page, is_request
from imagescan_cli.questions import Body

MOST_ENTRIES, MOST_IDS = 25, 100  # what the service takes in one call

RETRY = Retry(
    total=5,
    # A POST is safe to repeat: an idempotency key makes it the same request, and a question changes nothing.
    allowed_methods=["GET", "POST", "PUT"],
    status_forcelist=[429, 500, 502, 503, 504],
    backoff_factor=0.25,
    max_backoff_wait=60,
)
# Somebody else writes the same key at this moment, and a connection that stalled: S3 wants both tried again.
_PASSING_REFUSALS = frozenset({(409, "ConditionalRequestConflict"), (400, "RequestTimeout")})
# The key is the bytes' own hash, so what is there is what would be sent: by a run that was broken off, or by others.
_IF_ABSENT = {"If-None-Match": "*"}
# What a request has none of before it is answered, for when it is told without them.
_NOT_YET: Answer = {"labels": [], "nearest": [], "results": []}
_SECONDS_TO_CONNECT, _SECONDS_TO_ANSWER = 10, 30


class Refused(Exception):
    """The service, or S3, will not do what it was asked; ``code`` is stable, ``message`` says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Unreachable(Exception):
    """Nobody answers at an address; the text says which."""


class _RefusedForNow(Exception):
    """S3 will take the same upload in a moment."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, the seconds after which the service wants to be asked again, and when it came (monotonic clock).

    The answer about one of many that was known is without the labels and what else the picture shows.
    """

    answer: Answer
    retry_after: float
    came_at: float = field(default_factory=time.monotonic)


class Service:
    """The API at a base address. ``auth`` signs what goes to it, and never an upload, which is signed already.

    Every method raises Refused and, once trying again was in vain, all but ``upload`` raise Unreachable: what concerns
    one upload need not concern the next. Use it as an async context manager.
    """

    def __init__(self, api: str, *, auth: httpx.Auth | None = None, retry: Retry = RETRY) -> None:
        self._api, self._auth, self._retry = api.rstrip("/"), auth, retry
        self._retry_upload = retry.copy_with(
            validate_response=_raise_if_refused_for_now,
            retry_on_exceptions=[*retry.retryable_exceptions, _RefusedForNow],
        )
        self._http = httpx.AsyncClient(
            headers={"User-Agent": f"imagescan-cli/{__version__}"},
            timeout=httpx.Timeout(_SECONDS_TO_ANSWER, connect=_SECONDS_TO_CONNECT),
            limits=httpx.Limits(max_connections=None),  # callers bound how much they do at once
        )
        self.uploads = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def submit(self, body: Body, key: str) -> Reply:
        """Asks about a picture; the same key and body are the same request."""
        return await self._call(is_request, "POST", "scanrequest", json=body, headers={"Idempotency-Key": key})

    async def status(self, request_id: str) -> Reply:
        """How a request stands."""
        return await self._call(is_request, "GET", f"scanrequest/{quote(request_id, safe='')}")

    async def submit_many(self, sent: Sequence[tuple[Body, str]]) -> list[Reply | Refused | None]:
        """Asks about up to 25 pictures, each with its key. None for what is to be asked about by itself."""
        entries = {"entries": [{**body, "idempotency_key": key} for body, key in sent]}
        return _each(await self._call(partial(are_results, len(sent)), "POST", "scanrequests", json=entries))

    async def status_many(self, request_ids: Sequence[str]) -> list[Reply | Refused | None]:
        """How up to 100 requests stand. None for what is to be asked about by itself."""
        query = urlencode({"ids": ",".join(request_ids)}, quote_via=quote)
        return _each(await self._call(partial(are_results, len(request_ids)), "GET", f"scanrequests?{query}"))

    async def ask(self, request_id: str, body: Body) -> Reply:
        """Asks more about the image of a request."""
        path = f"scanrequest/{quote(request_id, safe='')}/questions"
        return await self._call(is_answer, "POST", path, json=body)

    async def page(self, query: Mapping[str, str]) -> Answer:
        """Requests, the newest first, and the cursor of the next page; None at the end."""
        # Signed calls need a space as %20: httpx itself would write a plus sign.
        return (await self._call(is_page, "GET", f"scanrequests?{urlencode(query, quote_via=quote)}")).answer

    async def upload(self, to: Mapping[str, Any], content: bytes) -> None:
        """Sends a picture's bytes the way an answer's ``upload`` says, unless they are there already."""
        headers = {**to["headers"], **_IF_ABSENT}
        retry = self._retry_upload
        try:
            response = await self._send(to["method"], to["url"], retry=retry, headers=headers, content=content)
        except Unreachable as unreachable:
            raise Refused("upload_failed", f"{unreachable} Submit the picture again.") from unreachable
        if response.status_code == httpx.codes.PRECONDITION_FAILED:
            return
        if not response.is_success:
            raise Refused("upload_refused", _upload_refusal(response))
        self.uploads += 1

    async def _call(self, is_meant: Callable[[Answer], bool], method: str, path: str, **request: Any) -> Reply:
        response = await self._send(method, f"{self._api}/{path}", retry=self._retry, auth=self._auth, **request)
        body = _json_object(response)
        if not response.is_success:
            raise _refusal(response, body)
        if not is_meant(body):
            raise Refused("not_the_api", f"{self._api} does not answer like the API. Is this its address?")
        return Reply(body, _seconds(response.headers.get("Retry-After", "")))

    async def _send(self, method: str, url: str, *, retry: Retry, **request: Any) -> httpx.Response:
        address = url.partition("?")[0]  # what follows is a permission to upload
        try:
            return await aretry_request(self._http, method, url, retry=retry, **request)
        except httpx.DecodingError as error:
            raise Refused("not_the_api", f"{address} answers in bytes that cannot be read: {error}.") from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unreachable(f"{address} does not answer: {str(error) or type(error).__name__}.") from error


def _each(reply: Reply) -> list[Reply | Refused | None]:
    return [_one_of_many(result, reply) for result in reply.answer["results"]]


def _one_of_many(result: Answer, reply: Reply) -> Reply | Refused | None:
    """What passes passes by itself as well, by the tries that one call has."""
    request, error = result["request"], result["error"]
    if request:
        is_told_without = request["status"] != "completed" and "labels" not in request
        return Reply(request | _NOT_YET if is_told_without else request, reply.retry_after, reply.came_at)
    if RETRY.is_retryable_status_code(result["status_code"]) or error["code"] == "answer_too_large":
        return None
    return Refused(error["code"], error["message"])


def _json_object(response: httpx.Response) -> Answer:
    """The body, or an empty one for whatever else came, such as a proxy's error page."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(response: httpx.Response, body: Answer) -> Refused:
    """API Gateway's own refusals have a message only."""
    message = body.get("message") or f"The service answered {response.status_code} {response.reason_phrase}."
    return Refused(str(body.get("code") or f"http_{response.status_code}"), str(message))


def _raise_if_refused_for_now(response: httpx.Response) -> None:
    if (response.status_code, _s3_code(response)) in _PASSING_REFUSALS:
        raise _RefusedForNow


def _upload_refusal(response: httpx.Response) -> str:
    reason = _s3_code(response) or response.reason_phrase
    return f"S3 refused the upload ({response.status_code} {reason}). Submit the picture again."


def _s3_code(response: httpx.Response) -> str | None:
    named = re.search(r"<Code>(\w+)</Code>", response.text)
    return named[1] if named else None


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0
