"""GET /scanrequests: the newest, or those of these ids"""

import time
from http import HTTPStatus
from typing import Any

from imagescan import answer
from imagescan.handlers import http, queries, results
from imagescan.handlers.http import Event, Response
from imagescan.handlers.tables import tables
from imagescan.listing import listing
from imagescan.standings import standings
from imagescan.status import Standing, unknown


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    query = event.get("queryStringParameters") or {}
    return (by_id if "ids" in query else newest)(query, http.caller(event))


def newest(query: queries.Query, caller: str | None) -> Response:
    page = listing(
        queries.wanted(query, caller),
        limit=queries.limit(query),
        cursor=query.get("cursor"),
        **tables(),
        now=time.time(),
    )
    told = [answer.summary(each.request, each.image) for each in page.requests]
    return http.response(200, {"requests": told, "cursor": page.cursor})


def by_id(query: queries.Query, caller: str | None) -> Response:
    asked = queries.ids(query)
    stand = standings(asked, **tables(), now=time.time(), caller=caller)
    waiting = [each.image for each in stand.values() if not each.request.answer]
    told = results.fitting(result(stand.get(request_id)) for request_id in asked)
    return http.response(200, {"results": [*told]}, http.ask_again(*waiting) if waiting else None)


def result(stands: Standing | None) -> results.Result:
    if stands is None:
        return results.refused(unknown())
    return results.told(HTTPStatus.OK, answer.body(stands.request, stands.image))
