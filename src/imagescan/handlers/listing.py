"""GET /scanrequests"""

import os
import time
from typing import Any

from imagescan import answer
from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers import http, queries
from imagescan.handlers.http import Event, Response
from imagescan.handlers.start import once
from imagescan.listing import listing
from imagescan.settings import StatusSettings


@once
def collaborators() -> dict[str, Any]:
    names = StatusSettings.from_env(os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
    }


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    query = event.get("queryStringParameters") or {}
    page = listing(
        queries.wanted(query, http.caller(event)),
        limit=queries.limit(query),
        cursor=query.get("cursor"),
        **collaborators(),
        now=time.time(),
    )
    told = [answer.summary(each.request, each.image) for each in page.requests]
    return http.response(200, {"requests": told, "cursor": page.cursor})
