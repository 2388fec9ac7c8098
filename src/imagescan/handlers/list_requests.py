"""GET /scanrequests: the newest requests, or several by their IDs"""

import time
from http import HTTPStatus
from typing import Any

from imagescan.api import batch_results, http, query_params, serializers
from imagescan.api.dependencies import tables
from imagescan.api.http import Event, Response
from imagescan.use_cases.get_request import RequestState, request_not_found
from imagescan.use_cases.get_requests import get_requests
from imagescan.use_cases.list_requests import list_requests


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    query = event.get("queryStringParameters") or {}
    return (by_id if "ids" in query else newest)(query, http.caller(event))


def newest(query: query_params.Query, caller: str | None) -> Response:
    page = list_requests(
        query_params.list_filter(query, caller),
        limit=query_params.limit(query),
        cursor=query.get("cursor"),
        images=tables().images,
        requests=tables().requests,
        now=time.time(),
    )
    summaries = [serializers.request_summary(state.request, state.image) for state in page.requests]
    return http.response(200, {"requests": summaries, "next_cursor": page.next_cursor})


def by_id(query: query_params.Query, caller: str | None) -> Response:
    ids = query_params.ids(query)
    states = get_requests(ids, images=tables().images, requests=tables().requests, now=time.time(), caller=caller)
    pending = [state.image for state in states.values() if not state.request.answer]
    results = batch_results.limit_size(_result(states.get(request_id)) for request_id in ids)
    return http.response(200, {"results": [*results]}, http.retry_after(*pending) if pending else None)


def _result(state: RequestState | None) -> batch_results.BatchItemResult:
    if state is None:
        return batch_results.failure(request_not_found())
    return batch_results.success(HTTPStatus.OK, serializers.request_body(state.request, state.image))
