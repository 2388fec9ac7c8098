"""GET /scanrequest/{request_id}, and every CORS preflight"""

import time
from functools import partial
from typing import Any

from imagescan.api import http, query_params, serializers, wait_preference
from imagescan.api.dependencies import tables
from imagescan.api.held_response import hold
from imagescan.api.http import Event, Response
from imagescan.domain.scan_request import deferred_until
from imagescan.use_cases.get_request import RequestState, get_request

_FINAL = {"Cache-Control": "private, max-age=3600", "Vary": "Authorization"}  # an answer never changes


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    if event["httpMethod"] == "OPTIONS":
        return http.preflight()
    wants_debug = query_params.wants_debug(event.get("queryStringParameters") or {})
    seconds, now = wait_preference.wait_seconds(event), time.time()
    read = partial(_read, event, wants_debug=wants_debug)
    state = hold(read(), read, now + seconds, time.time)
    return http.conditional(event, _found(state, wait_preference.applied(seconds), wants_debug=wants_debug))


def _read(event: Event, *, wants_debug: bool) -> RequestState:
    return get_request(
        event["pathParameters"]["request_id"],
        images=tables().images,
        requests=tables().requests,
        now=time.time(),
        caller=http.caller(event),
        with_image=wants_debug,
    )


def _found(state: RequestState, headers: dict[str, str], *, wants_debug: bool) -> Response:
    debug = {"debug_data": serializers.debug_data(state.request, state.items)} if wants_debug else {}
    now = time.time()
    body = serializers.request_body(state.request, state.items, now=now) | debug
    if not state.request.answer:
        return http.response(200, body, headers | http.retry_after(deferred_until(state.request, state.items, now)))
    # debug data of a finished request may change
    return http.response(200, body, headers if wants_debug else headers | _FINAL)
