"""GET /scanrequest/{request_id}, and every CORS preflight"""

import time
from typing import Any

from imagescan import answer
from imagescan.handlers import http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.tables import tables
from imagescan.status import Standing, status

_FINAL = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization"}  # an answer never changes


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    if event["httpMethod"] == "OPTIONS":
        return http.preflight()
    request_id = event["pathParameters"]["request_id"]
    standing = status(request_id, **tables(), now=time.time(), caller=http.caller(event))
    wants_debug = (event.get("queryStringParameters") or {}).get("debugData") == "Y"
    return http.unless_unchanged(event, _found(standing, wants_debug=wants_debug))


def _found(standing: Standing, *, wants_debug: bool) -> Response:
    debug = {"debug_data": answer.debug_data(standing.request, standing.image)} if wants_debug else {}
    headers = _FINAL if standing.request.answer else http.ask_again(standing.image)
    return http.response(200, answer.body(standing.request, standing.image) | debug, headers)
