"""How the API speaks HTTP: JSON bodies, CORS on every answer, errors that say what is wrong and what to do."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any

import orjson

from imagescan.errors import BadInput, Conflict, NotFound, Rejected, TooLarge, UnsupportedType
from imagescan.handlers.log import logger
from imagescan.requests import Image

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "DELETE,GET,POST,OPTIONS",
    "Access-Control-Allow-Headers": (
        "Content-Type,Authorization,X-Amz-Date,X-Amz-Security-Token,X-Api-Key,Idempotency-Key,If-None-Match"
    ),
    "Access-Control-Expose-Headers": "ETag,Location,Retry-After",
    "Access-Control-Max-Age": "7200",
}
_STATUS_CODES: dict[type[Rejected], HTTPStatus] = {
    Rejected: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadInput: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
BROKEN = Rejected("internal_error", "Something broke on our side. Nothing was accepted; try again later.")
_PROBLEM = "application/problem+json"
_ROLE = "AROA"  # how the unique ids of roles begin; a session's is followed by a colon and its name
_OF_PEOPLE = ":assumed-role/AWSReservedSSO_"  # only IAM Identity Center can make such roles

type Event = dict[str, Any]
type Response = dict[str, Any]
type Handler = Callable[[Event, Any], Response]


def response(status_code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """An answer in the form that API Gateway's proxy integration takes."""
    return {
        "statusCode": status_code,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **CORS, **(headers or {})},
        "body": orjson.dumps(body).decode(),
        "isBase64Encoded": False,
    }


def no_content() -> Response:
    """The answer to what was done and has nothing to tell."""
    return {"statusCode": 204, "headers": {"Cache-Control": "no-store", **CORS}, "body": "", "isBase64Encoded": False}


def preflight() -> Response:
    """The answer to a CORS preflight."""
    return {"statusCode": 204, "headers": CORS, "body": "", "isBase64Encoded": False}


def unless_unchanged(event: Event, answer: Response) -> Response:
    """The answer with its ETag, or 304 without a body when the client has that answer already."""
    etag = f'"{hashlib.sha256(answer["body"].encode()).hexdigest()[:32]}"'
    headers = {**answer["headers"], "ETag": etag}
    known = [each.strip().removeprefix("W/") for each in (header(event, "If-None-Match") or "").split(",")]
    if etag in known or "*" in known:
        return {**answer, "statusCode": HTTPStatus.NOT_MODIFIED, "headers": headers, "body": ""}
    return {**answer, "headers": headers}


def ask_again(*images: Image | None) -> dict[str, str]:
    """The header that says when to ask again: soon, or in a while when the images wait for another day's budget."""
    return {"Retry-After": "300" if all(image and image.waits_until for image in images) else "1"}


def text(event: Event) -> str | None:
    """The body as it was sent."""
    body: str | None = event.get("body")
    return base64.b64decode(body).decode(errors="replace") if body and event.get("isBase64Encoded") else body


def header(event: Event, name: str) -> str | None:
    """A request header's value, whatever its case."""
    sent: Mapping[str, str] = event.get("headers") or {}
    return next((value for each, value in sent.items() if each.lower() == name.lower()), None)


def caller(event: Event) -> str | None:
    """Who asks, as API Gateway found out: the user's id in a user pool, an IAM identity's id, or None for anybody."""
    context = event.get("requestContext") or {}
    claims = (context.get("authorizer") or {}).get("claims") or {}
    return claims.get("sub") or _signer(context.get("identity") or {})


def _signer(identity: Mapping[str, str | None]) -> str | None:
    """Who signed, by the unique id that AWS gives to nobody else, not even to who is made anew under the same name.

    A role's sessions are one caller, as programs' have names made up anew each time, save where a role stands for many
    people: those of an identity pool have an id each, and IAM Identity Center names each session after its person.
    """
    caller = identity.get("caller") or ""
    is_of_program = caller.startswith(_ROLE) and _OF_PEOPLE not in (identity.get("userArn") or "")
    return identity.get("cognitoIdentityId") or (caller.partition(":")[0] if is_of_program else caller) or None


def api(handler: Handler) -> Handler:
    """Turns what a route raises into an answer: domain errors by the table, all else into a 500 that is logged."""

    @wraps(handler)
    def answer(event: Event, context: Any) -> Response:
        logger.append_keys(
            api_request_id=event.get("requestContext", {}).get("requestId"),
            request_id=(event.get("pathParameters") or {}).get("request_id"),
        )
        try:
            return handler(event, context)
        except Rejected as error:
            logger.info("rejected", code=error.code)
            return _problem(event, status_of(error), error)
        except Exception:  # noqa: BLE001 - the last stop before the client, which must see no internals
            logger.exception("broken")
            return _problem(event, status_of(BROKEN), BROKEN)

    return answer


def status_of(error: Rejected) -> HTTPStatus:
    """The status that says what kind of error it is."""
    return _STATUS_CODES[type(error)]


def plain(error: Rejected) -> dict[str, str]:
    """An error as every client reads it."""
    return {"code": error.code, "message": error.message}


def _problem(event: Event, status: HTTPStatus, error: Rejected) -> Response:
    """An error in the plain body, or by RFC 9457 for a client that accepts it; the facts are the same."""
    if _PROBLEM not in (header(event, "Accept") or "").lower():
        return response(status, plain(error))
    problem = {"title": status.phrase, "status": status, "detail": error.message, **plain(error)}
    return response(status, problem, {"Content-Type": _PROBLEM})
