"""GET /scanrequests"""

import time
from typing import Any

from imagescan import answer
from imagescan.handlers import http, queries
from imagescan.handlers.http import Event, Response
from imagescan.handlers.tables import tables
from imagescan.listing import listing


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    query = event.get("queryStringParameters") or {}
    page = listing(
        queries.wanted(query, http.caller(event)),
        limit=queries.limit(query),
        cursor=query.get("cursor"),
        **tables(),
        now=time.time(),
    )
    told = [answer.summary(each.request, each.image) for each in page.requests]
    return http.response(200, {"requests": told, "cursor": page.cursor})
