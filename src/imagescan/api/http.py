"""HTTP of the API: JSON bodies, CORS headers on every response, and errors that say what to do."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

import orjson

from imagescan.domain.errors import ApiError, BadInput, Conflict, LimitExceeded, NotFound, TooLarge, UnsupportedType
from imagescan.runtime.log import logger

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "DELETE,GET,POST,OPTIONS",
    "Access-Control-Allow-Headers": (
        "Content-Type,Authorization,X-Amz-Date,X-Amz-Security-Token,X-Api-Key,Idempotency-Key,If-None-Match,Prefer"
    ),
    "Access-Control-Expose-Headers": "ETag,Location,Preference-Applied,Retry-After",
    "Access-Control-Max-Age": "7200",
}
_HTTP_STATUSES: dict[type[ApiError], HTTPStatus] = {
    ApiError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadInput: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    LimitExceeded: HTTPStatus.FORBIDDEN,
    UnsupportedType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
INTERNAL_ERROR = ApiError("internal_error", "Internal error. The request was not processed. Try again later.")
_BYTE_ORDER_MARK = "\ufeff"
_PROBLEM = "application/problem+json"
_ROLE_ID_PREFIX = "AROA"  # prefix of the unique IDs of roles; a session's ID continues with a colon and its name
_SSO_ROLE_MARKER = ":assumed-role/AWSReservedSSO_"  # roles that only IAM Identity Center can create

type Event = dict[str, Any]
type Response = dict[str, Any]
type Handler = Callable[[Event, Any], Response]


def response(status_code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return a response in the format of API Gateway's proxy integration."""
    return {
        "statusCode": status_code,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **CORS, **(headers or {})},
        "body": orjson.dumps(body).decode(),
        "isBase64Encoded": False,
    }


def no_content() -> Response:
    """Return a response without a body."""
    return {"statusCode": 204, "headers": {"Cache-Control": "no-store", **CORS}, "body": "", "isBase64Encoded": False}


def preflight() -> Response:
    """Return the response to a CORS preflight request."""
    return {"statusCode": 204, "headers": CORS, "body": "", "isBase64Encoded": False}


def conditional(event: Event, full: Response) -> Response:
    """Add an ETag to the response, or return 304 without a body if the client already has it."""
    etag = f'"{hashlib.sha256(full["body"].encode()).hexdigest()[:32]}"'
    headers = {**full["headers"], "ETag": etag}
    known = [each.strip().removeprefix("W/") for each in (header(event, "If-None-Match") or "").split(",")]
    if etag in known or "*" in known:
        return {**full, "statusCode": HTTPStatus.NOT_MODIFIED, "headers": headers, "body": ""}
    return {**full, "headers": headers}


def retry_after(*deferred_until: float | None) -> dict[str, str]:
    """Return the header for pending requests: one second, or five minutes while all are deferred to another day."""
    return {"Retry-After": "300" if all(deferred_until) else "1"}


def body_text(event: Event) -> str | None:
    """Return the request body as text, without the byte order mark that some editors and shells write."""
    body: str | None = event.get("body")
    if body and event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode(errors="replace")
    return body.removeprefix(_BYTE_ORDER_MARK) if body else body


def header(event: Event, name: str) -> str | None:
    """Return the value of a request header, ignoring the case of its name."""
    headers: Mapping[str, str] = event.get("headers") or {}
    return next((value for each, value in headers.items() if each.lower() == name.lower()), None)


def header_values(event: Event, name: str) -> list[str]:
    """Return all values of a request header that may be repeated, ignoring the case of its name."""
    headers: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    repeated = next((values for each, values in headers.items() if each.lower() == name.lower()), [])
    single = header(event, name)
    return repeated or ([single] if single else [])


def caller(event: Event) -> str | None:
    """Return the authenticated caller: the user's ID in a user pool, the unique ID in IAM, or None."""
    context = event.get("requestContext") or {}
    claims = (context.get("authorizer") or {}).get("claims") or {}
    return claims.get("sub") or _iam_caller(context.get("identity") or {})


def _iam_caller(identity: Mapping[str, str | None]) -> str | None:
    """Return the unique ID of the IAM identity. AWS never reuses one, even for the same name.

    All sessions of a role are one caller, because programs generate session names. Two kinds of roles stand for many
    people: the users of an identity pool have their own IDs, and IAM Identity Center names each session after its user.
    """
    caller = identity.get("caller") or ""
    is_program = caller.startswith(_ROLE_ID_PREFIX) and _SSO_ROLE_MARKER not in (identity.get("userArn") or "")
    return identity.get("cognitoIdentityId") or (caller.partition(":")[0] if is_program else caller) or None


def api(handler: Handler) -> Handler:
    """Convert errors to responses: domain errors by their class, and any other exception to a logged 500."""

    @wraps(handler)
    def wrapper(event: Event, context: Any) -> Response:
        logger.append_keys(
            api_request_id=event.get("requestContext", {}).get("requestId"),
            request_id=(event.get("pathParameters") or {}).get("request_id"),
        )
        try:
            return handler(event, context)
        except ApiError as error:
            logger.info("rejected", code=error.code)
            return _error_response(event, error)
        except Exception:  # noqa: BLE001 - the client must not see internals
            logger.exception("unhandled_error")
            return _error_response(event, INTERNAL_ERROR)

    return wrapper


def http_status_for_error(error: ApiError) -> HTTPStatus:
    """Return the HTTP status for this class of error."""
    return _HTTP_STATUSES[type(error)]


def error_body(error: ApiError) -> dict[str, str]:
    """Return the body that describes an error."""
    return {"code": error.code, "message": error.message}


def _error_response(event: Event, error: ApiError) -> Response:
    """Return the error as JSON, or as RFC 9457 problem details for a client that accepts them."""
    status = http_status_for_error(error)
    if _PROBLEM not in (header(event, "Accept") or "").lower():
        return response(status, error_body(error))
    problem = {"title": status.phrase, "status": status, "detail": error.message, **error_body(error)}
    return response(status, problem, {"Content-Type": _PROBLEM})
