"""HTTP client of the API and of presigned uploads, with retries for transient errors."""

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
from imagescan_cli.errors import ApiError, RejectedCredentialsError, UnreachableError, WrongUrlError
from imagescan_cli.features import Feature, features_of, with_empty_findings
from imagescan_cli.questions import Body
from imagescan_cli.schemas import (
    DELETED,
    RequestJson,
    is_api_error,
    is_batch,
    is_deleted,
    is_follow_up_answer,
    is_page,
    is_request,
    is_statistics,
)

MAX_ENTRIES, MAX_IDS = 25, 100  # limits of the API for one call

RETRY = Retry(
    total=5,
    # POST is safe to retry: submissions carry an idempotency key, and follow-up questions change nothing. A repeated
    # DELETE returns 404 if the first one succeeded.
    allowed_methods=["GET", "POST", "PUT", "DELETE"],
    status_forcelist=[429, 500, 502, 503, 504],
    backoff_factor=0.25,
    max_backoff_wait=60,
)
# A concurrent write of the same key and a stalled connection. S3 documents both as retryable.
_TRANSIENT_S3_ERRORS = frozenset({(409, "ConditionalRequestConflict"), (400, "RequestTimeout")})
# Errors of every call with these credentials, so that the first one ends the command.
_CREDENTIAL_ERRORS = frozenset({"not_signed_in", "invalid_signature", "expired_token"})
# Errors of every submission, unless one was accepted before. A policy can deny other calls, for example batches.
_SUBMISSION_ERRORS = frozenset({"not_signed", "access_denied"})
# Responses of another server, and of API Gateway for a path without an API. Others, such as 502, can come from a proxy.
_STATUSES_OF_WRONG_URLS = frozenset({200, 301, 302, 303, 307, 308, 403, 404, 405, 501})
_CONNECT_TIMEOUT_SECONDS, _RESPONSE_TIMEOUT_SECONDS = 10, 30


class _TransientUploadError(Exception):
    """S3 rejected an upload with an error that a retry can resolve."""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response body, its ``Retry-After`` in seconds, and the time it was received (monotonic clock).

    ``was_held`` is whether the service applied the preference to wait.

    For a known image in a batch response, the body has no findings and no results.
    """

    body: RequestJson
    retry_after: float
    received_at: float = field(default_factory=time.monotonic)
    was_held: bool = False


class ApiClient:
    """Client for the API at a base URL. Use it as an async context manager.

    ``auth`` applies to API requests only: uploads use presigned URLs. Every method raises ApiError. All methods except
    ``upload`` raise UnreachableError after the last retry, WrongUrlError if the first response is not from the API, and
    RejectedCredentialsError. A failed upload affects one image only, so ``upload`` raises ApiError instead.
    """

    def __init__(self, api_url: str, *, auth: httpx.Auth | None = None, retry: Retry = RETRY) -> None:
        self._api_url, self._auth, self._retry = api_url.rstrip("/"), auth, retry
        self._retry_upload = retry.copy_with(
            validate_response=_raise_if_transient,
            retry_on_exceptions=[*retry.retryable_exceptions, _TransientUploadError],
        )
        self._http = httpx.AsyncClient(
            headers={"User-Agent": f"imagescan-cli/{__version__}"},
            timeout=httpx.Timeout(_RESPONSE_TIMEOUT_SECONDS, connect=_CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(max_connections=None),  # callers limit concurrency
        )
        self.uploads = 0
        self.can_wait = True  # False after the service has ignored the preference to wait
        self._is_api = False  # whether any response came from the API
        self._has_submitted = False  # whether any single submission was accepted

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def submit(self, body: Body, key: str) -> ApiResponse:
        """Submit an image. The same key and body return the same request."""
        return await self._call(is_request, "POST", "scanrequest", json=body, headers={"Idempotency-Key": key})

    async def status(self, request_id: str, headers: Mapping[str, str] | None = None) -> ApiResponse:
        """Return the state of a request."""
        return await self._call(is_request, "GET", f"scanrequest/{quote(request_id, safe='')}", headers=headers)

    async def wait(self, request_id: str, seconds: int) -> ApiResponse:
        """Ask the service to hold the response until the request has finished, for at most ``seconds``.

        Return the state of the request, immediately if the service does not support this.
        """
        response = await self.status(request_id, {"Prefer": f"wait={seconds}"})
        self.can_wait = response.was_held
        return response

    async def submit_batch(self, entries: Sequence[tuple[Body, str]]) -> list[ApiResponse | ApiError | None]:
        """Submit up to 25 images, each with its key. None marks an entry that needs a single call."""
        body = {"entries": [{**entry, "idempotency_key": key} for entry, key in entries]}
        return _batch_items(await self._call(partial(is_batch, len(entries)), "POST", "scanrequests", json=body))

    async def status_batch(self, request_ids: Sequence[str]) -> list[ApiResponse | ApiError | None]:
        """Return the states of up to 100 requests. None marks an ID that needs a single call."""
        query = urlencode({"ids": ",".join(request_ids)}, quote_via=quote)
        return _batch_items(await self._call(partial(is_batch, len(request_ids)), "GET", f"scanrequests?{query}"))

    async def ask(self, request_id: str, body: Body) -> ApiResponse:
        """Ask a follow-up question about the image of a request."""
        path = f"scanrequest/{quote(request_id, safe='')}/questions"
        return await self._call(is_follow_up_answer, "POST", path, json=body)

    async def delete(self, request_id: str) -> None:
        """Delete a request."""
        await self._call(is_deleted, "DELETE", f"scanrequest/{quote(request_id, safe='')}")

    async def stats(self) -> RequestJson:
        """Return the usage statistics of the service."""
        return (await self._call(is_statistics, "GET", "stats")).body

    async def list_page(self, query: Mapping[str, str]) -> RequestJson:
        """Return a page of requests, newest first, with the cursor of the next page or None."""
        # Signatures require spaces encoded as %20. httpx would encode them as plus signs.
        return (await self._call(is_page, "GET", f"scanrequests?{urlencode(query, quote_via=quote)}")).body

    async def upload(self, target: Mapping[str, Any], content: bytes) -> None:
        """Upload the bytes of an image to ``target``, the ``upload`` of a response. Accept an existing object."""
        headers: dict[str, str] = target["headers"]  # among them If-None-Match: an existing object has the same bytes
        retry = self._retry_upload
        try:
            response = await self._send(target["method"], target["url"], retry=retry, headers=headers, content=content)
        except UnreachableError as error:
            raise ApiError("upload_failed", f"Upload failed: {error} Submit the image again.") from error
        if response.status_code == httpx.codes.PRECONDITION_FAILED:
            return
        if not response.is_success:
            raise ApiError("upload_rejected", _upload_error_message(response))
        self.uploads += 1

    async def _call(
        self, is_expected: Callable[[RequestJson], bool], method: str, path: str, **request: Any
    ) -> ApiResponse:
        response = await self._send(method, f"{self._api_url}/{path}", retry=self._retry, auth=self._auth, **request)
        body = DELETED if _is_repeated_deletion(response) else _json_object(response)
        is_success = response.is_success or body is DELETED
        self._is_api = self._is_api or (is_expected(body) if is_success else is_api_error(body))
        if not self._is_api and response.status_code in _STATUSES_OF_WRONG_URLS:
            raise WrongUrlError(_wrong_url_message(self._api_url, response))
        if not is_success:
            error = _api_error(response, body)
            is_first_submission = path == "scanrequest" and not self._has_submitted
            if error.code in _CREDENTIAL_ERRORS or (is_first_submission and error.code in _SUBMISSION_ERRORS):
                raise RejectedCredentialsError(error.message)
            raise error
        if not is_expected(body):
            raise ApiError("unexpected_response", f"Unexpected response from {self._api_url}. Check --api-url.")
        self._has_submitted = self._has_submitted or path == "scanrequest"
        retry_after = _seconds(response.headers.get("Retry-After", ""))
        return ApiResponse(body, retry_after, was_held="Preference-Applied" in response.headers)

    async def _send(self, method: str, url: str, *, retry: Retry, **request: Any) -> httpx.Response:
        public_url = url.partition("?")[0]  # the query of a presigned URL is a credential
        try:
            return await aretry_request(self._http, method, url, retry=retry, **request)
        except httpx.DecodingError as error:
            message = f"{public_url} returned an undecodable response: {error}."
            raise ApiError("unexpected_response", message) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{public_url} is unreachable: {str(error) or type(error).__name__}.") from error


def _batch_items(response: ApiResponse) -> list[ApiResponse | ApiError | None]:
    return [_batch_item(result, response) for result in response.body["results"]]


def _batch_item(result: RequestJson, response: ApiResponse) -> ApiResponse | ApiError | None:
    """Return None for a transient error, because a single call includes retries."""
    request, error = result["request"], result["error"]
    if request:
        body = with_empty_findings(request) if _has_no_findings(request) else request
        return ApiResponse(body, response.retry_after, response.received_at)
    if RETRY.is_retryable_status_code(result["status_code"]) or error["code"] == "response_too_large":
        return None
    return ApiError(error["code"], error["message"])


def _has_no_findings(request: RequestJson) -> bool:
    """Return whether a request in a batch response, which omits findings, has none.

    A failed one can have those of the features that were scanned, unless it is for labels only.
    """
    is_failed_without = request["status"] == "failed" and features_of(request) == [Feature.LABELS]
    return "labels" not in request and (request["status"] == "pending" or is_failed_without)


def _json_object(response: httpx.Response) -> RequestJson:
    """Return the body, or an empty object for anything else, such as the error page of a proxy."""
    if response.status_code == httpx.codes.NO_CONTENT:
        return DELETED
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _is_repeated_deletion(response: httpx.Response) -> bool:
    """Return whether a DELETE found nothing because an earlier attempt succeeded and its response was lost."""
    is_not_found = response.request.method == "DELETE" and response.status_code == httpx.codes.NOT_FOUND
    return is_not_found and response.extensions["retry"].attempts_made > 0


def _api_error(response: httpx.Response, body: RequestJson) -> ApiError:
    """Return the error of a response. Proxies may return errors without a code."""
    message = body.get("message") or f"The API returned {response.status_code} {response.reason_phrase}."
    return ApiError(str(body.get("code") or f"http_{response.status_code}"), str(message))


def _wrong_url_message(api_url: str, response: httpx.Response) -> str:
    call = f"{response.request.method} {response.request.url.path}"
    return (
        f"{api_url} is not the URL of an imagescan API: {call} returned {response.status_code} "
        f"{response.reason_phrase}. Check --api-url or IMAGESCAN_API_URL. For a deployed stack, use the output ApiUrl."
    )


def _raise_if_transient(response: httpx.Response) -> None:
    if (response.status_code, _s3_error_code(response)) in _TRANSIENT_S3_ERRORS:
        raise _TransientUploadError


def _upload_error_message(response: httpx.Response) -> str:
    reason = _s3_error_code(response) or response.reason_phrase
    return f"S3 rejected the upload ({response.status_code} {reason}). Submit the image again."


def _s3_error_code(response: httpx.Response) -> str | None:
    code = re.search(r"<Code>(\w+)</Code>", response.text)
    return code[1] if code else None


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0
