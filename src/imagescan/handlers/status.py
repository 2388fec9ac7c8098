"""GET /scanrequest/{request_id}, and every CORS preflight"""

import time
from typing import Any

from imagescan.api import http, query_params, serializers
from imagescan.api.dependencies import tables
from imagescan.api.http import Event, Response
from imagescan.use_cases.get_request import RequestState, get_request

_FINAL = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization"}  # an answer never changes


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    if event["httpMethod"] == "OPTIONS":
        return http.preflight()
    wants_debug = query_params.wants_debug(event.get("queryStringParameters") or {})
    now = time.time()
    state = get_request(
        event["pathParameters"]["request_id"],
        images=tables().images,
        requests=tables().requests,
        now=now,
        caller=http.caller(event),
        with_image=wants_debug,
    )
    return http.conditional(event, _found(state, now, wants_debug=wants_debug))


def _found(state: RequestState, now: float, *, wants_debug: bool) -> Response:
    debug = {"debug_data": serializers.debug_data(state.request, state.image)} if wants_debug else {}
    body = serializers.request_body(state.request, state.image, now=now) | debug
    if not state.request.answer:
        return http.response(200, body, http.retry_after(state.image, now=now))
    return http.response(200, body, {} if wants_debug else _FINAL)  # debug data of a finished request may change
