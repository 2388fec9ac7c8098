"""``Prefer: wait`` on the deployed stack, whose ``MaxWaitSeconds`` is 25."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.client import Client, question


def test_a_submission_returns_the_result(api: Client, fresh_image: Path) -> None:
    response = api.post(question(fresh_image), wait_seconds=20)
    assert (response.status_code, response.json()["status"]) == (200, "completed")
    assert response.headers["Preference-Applied"] == "wait=20"
    assert "Preference-Applied" in response.headers["Access-Control-Expose-Headers"]


def test_a_status_returns_the_result(api: Client, fresh_image: Path) -> None:
    request_id = api.post(question(fresh_image)).json()["request_id"]
    response = api.get(request_id, wait_seconds=99)
    assert response.json()["status"] == "completed"
    assert response.headers["Preference-Applied"] == "wait=25"


def test_a_pending_request_is_returned_at_the_end_of_the_time(api: Client) -> None:
    never_uploaded = {"sha256": uuid.uuid4().hex * 2, "size": 100, "fileType": "image/png"}
    request_id = api.post(never_uploaded, wait_seconds=20).json()["request_id"]  # returns the upload immediately
    started = time.monotonic()
    response = api.get(request_id, wait_seconds=2)
    assert 2 <= time.monotonic() - started < 15
    assert response.json()["status"] == "pending"
    assert response.headers["Retry-After"] == "1"


def test_responses_are_held_concurrently(api: Client, fresh_image: Path) -> None:
    body = question(fresh_image)
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: api.post(body, wait_seconds=25), range(6)))
    assert {response.json()["status"] for response in responses} == {"completed"}
