"""GET /scanrequest/{request_id}, and every CORS preflight"""

import os
import time
from typing import Any

from imagescan import answer
from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers import http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.start import once
from imagescan.settings import StatusSettings
from imagescan.status import Standing, status

_FINAL = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization"}  # an answer never changes


@once
def collaborators() -> dict[str, Any]:
    names = StatusSettings.from_env(os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
    }


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    if event["httpMethod"] == "OPTIONS":
        return http.preflight()
    request_id = event["pathParameters"]["request_id"]
    standing = status(request_id, **collaborators(), now=time.time(), caller=http.caller(event))
    wants_debug = (event.get("queryStringParameters") or {}).get("debugData") == "Y"
    return http.unless_unchanged(event, _found(standing, wants_debug=wants_debug))


def _found(standing: Standing, *, wants_debug: bool) -> Response:
    debug = {"debug_data": answer.debug_data(standing.request, standing.image)} if wants_debug else {}
    headers = _FINAL if standing.request.answer else http.ask_again(standing.image)
    return http.response(200, answer.body(standing.request, standing.image) | debug, headers)
