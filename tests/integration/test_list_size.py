"""A page of a list ends early if it would exceed the response size of Lambda."""

import json
from typing import Any

from imagescan.aws import clients
from imagescan.aws.requests_table import RequestsTable
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from testing.functions import proxy_event
from testing.moto_environment import MINUTE, MotoEnvironment
from testing.resources import REQUESTS

LAMBDA_RESPONSE_BYTES = 6 * 1024 * 1024
COUNT = 100
LABELS = tuple(f"{number:02}{'\N{CAT FACE}' * 98}" for number in range(25))


def put_requests(env: MotoEnvironment) -> list[str]:
    """Store requests with the longest labels and references, and return their IDs, the newest first."""
    table = RequestsTable(clients.dynamodb(), REQUESTS, retention_seconds=3600)
    now, ids = env.clock.now, []
    for number in range(COUNT):
        request_id = f"00000000-0000-4000-8000-{number:012x}"
        at = now - MINUTE + number / 3000
        question = Question(LABELS * 2, 90)  # the message of an answered request names them a second time
        table.put(ScanRequest(request_id, "a" * 64, "k.jpg", question, at, at + 3600, reference="\0" * 1024))
        ids.append(request_id)
    return sorted(ids, reverse=True)


def get_page(env: MotoEnvironment, cursor: str | None) -> dict[str, Any]:
    query = {"limit": str(COUNT)} | ({"cursor": cursor} if cursor else {})
    response = env.functions.invoke("ListRequestsFunction", proxy_event("GET") | {"queryStringParameters": query})
    assert response["statusCode"] == 200
    assert len(json.dumps(response)) < LAMBDA_RESPONSE_BYTES
    page: dict[str, Any] = json.loads(response["body"])
    return page


def test_every_request_is_listed_once_and_in_order_whatever_its_size(env: MotoEnvironment) -> None:
    expected = put_requests(env)
    pages = [get_page(env, None)]
    while pages[-1]["next_cursor"]:
        pages.append(get_page(env, pages[-1]["next_cursor"]))
    listed = [request for page in pages for request in page["requests"]]
    assert len(pages[0]["requests"]) < COUNT
    assert [request["request_id"] for request in listed] == expected
    times = [request["created_at"] for request in listed]
    assert times == sorted(times, reverse=True)
