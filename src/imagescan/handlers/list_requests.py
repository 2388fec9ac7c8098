"""GET /scanrequests: the newest requests, or several by their IDs"""

import time
from http import HTTPStatus
from typing import Any

from imagescan.api import batch_results, http, query_params, serializers
from imagescan.api.dependencies import tables
from imagescan.api.http import Event, Response
from imagescan.domain.scan_request import deferred_until
from imagescan.use_cases.get_request import RequestState, request_not_found
from imagescan.use_cases.get_requests import get_requests
from imagescan.use_cases.list_requests import cursor_after, list_requests


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    query = event.get("queryStringParameters") or {}
    return (by_id if "ids" in query else newest)(query, http.caller(event), time.time())


def newest(query: query_params.Query, caller: str | None, now: float) -> Response:
    page = list_requests(
        query_params.list_filter(query, caller),
        limit=query_params.limit(query),
        cursor=query.get("cursor"),
        images=tables().images,
        requests=tables().requests,
        now=now,
    )
    summaries = [serializers.request_summary(state.request, state.items, now=now) for state in page.requests]
    count = batch_results.count_fitting(summaries)
    next_cursor = page.next_cursor if count == len(summaries) else cursor_after(page.requests[count - 1].request)
    return http.response(200, {"requests": summaries[:count], "next_cursor": next_cursor})


def by_id(query: query_params.Query, caller: str | None, now: float) -> Response:
    ids = query_params.ids(query)
    states = get_requests(ids, images=tables().images, requests=tables().requests, now=now, caller=caller)
    pending = [deferred_until(state.request, state.items, now) for state in states.values() if not state.request.answer]
    results = batch_results.limit_size(_result(states.get(request_id), now) for request_id in ids)
    return http.response(200, {"results": [*results]}, http.retry_after(*pending) if pending else None)


def _result(state: RequestState | None, now: float) -> batch_results.BatchItemResult:
    if state is None:
        return batch_results.failure(request_not_found())
    return batch_results.success(HTTPStatus.OK, serializers.request_body(state.request, state.items, now=now))
