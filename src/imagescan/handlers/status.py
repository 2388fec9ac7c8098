"""GET /scanrequest/{request_id}, and every CORS preflight"""

import os
import time
from functools import cache
from typing import Any

from imagescan import answer
from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers.http import Event, Response, api, preflight, response
from imagescan.settings import StatusSettings
from imagescan.status import Standing, status


@cache
def collaborators() -> dict[str, Any]:
    names = StatusSettings.from_env(os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
    }


@api
def lambda_handler(event: Event, _context: Any) -> Response:
    if event["httpMethod"] == "OPTIONS":
        return preflight()
    standing = status(event["pathParameters"]["request_id"], **collaborators(), now=time.time())
    return _found(standing, wants_debug=(event.get("queryStringParameters") or {}).get("debugData") == "Y")


def _found(standing: Standing, *, wants_debug: bool) -> Response:
    debug = {"debug_data": answer.debug_data(standing.request, standing.image)} if wants_debug else {}
    headers = {} if standing.request.answer else {"Retry-After": "1"}
    return response(200, answer.body(standing.request) | debug, headers)
