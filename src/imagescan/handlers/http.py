"""How the API speaks HTTP: JSON bodies, CORS on every answer, errors that say what is wrong and what to do."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from imagescan.errors import BadInput, NotFound, Rejected, TooLarge, UnsupportedType
from imagescan.handlers.log import logger

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST,OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type,Authorization,X-Amz-Date,X-Amz-Security-Token,X-Api-Key",
    "Access-Control-Expose-Headers": "Location,Retry-After",
    "Access-Control-Max-Age": "7200",
}
_STATUS_CODES: dict[type[Rejected], int] = {BadInput: 400, NotFound: 404, TooLarge: 413, UnsupportedType: 415}
_BROKEN = {"code": "internal_error", "message": "Something broke on our side. Nothing was accepted; try again later."}

type Event = dict[str, Any]
type Response = dict[str, Any]
type Handler = Callable[[Event, Any], Response]


def response(status_code: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """An answer in the form that API Gateway's proxy integration takes."""
    return {
        "statusCode": status_code,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **CORS, **(headers or {})},
        "body": json.dumps(body, separators=(",", ":")),
        "isBase64Encoded": False,
    }


def preflight() -> Response:
    """The answer to a CORS preflight."""
    return {"statusCode": 204, "headers": CORS, "body": "", "isBase64Encoded": False}


def api(handler: Handler) -> Handler:
    """Turns what a route raises into an answer: domain errors by the table, all else into a 500 that is logged."""

    @wraps(handler)
    def answer(event: Event, context: Any) -> Response:
        logger.append_keys(api_request_id=event.get("requestContext", {}).get("requestId"))
        try:
            return handler(event, context)
        except Rejected as error:
            logger.info("rejected", code=error.code)
            return response(_STATUS_CODES[type(error)], {"code": error.code, "message": error.message})
        except Exception:  # noqa: BLE001 - the last stop before the client, which must see no internals
            logger.exception("broken")
            return response(500, _BROKEN)

    return answer
