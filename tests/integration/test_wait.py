"""``Prefer: wait`` on POST and GET. The scan takes place during the pauses between two reads."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from imagescan.api import held_response
from imagescan.use_cases.wait_for_answer import wait_for_answer
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import MakeEnvironment
from tests.integration.conftest import Log
from tests.integration.test_submit_and_status import submit_body

PREFER = {"headers": {"Prefer": "wait=20"}}
BY_HASH = {"sha256": "ab" * 32, "size": 100, "fileType": "image/png"}


@dataclass
class Pauses:
    """Replaces the time of a wait. ``during`` is called in each pause."""

    now: float = 0
    during: Callable[[], object] = field(default=lambda: None)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.during()


@pytest.fixture
def env(make_environment: MakeEnvironment) -> Iterator[MotoEnvironment]:
    with make_environment(MAX_WAIT_SECONDS="25") as env:
        yield env


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    pauses = Pauses()
    monkeypatch.setattr(wait_for_answer, "__kwdefaults__", {"clock": lambda: pauses.now, "sleep": pauses.sleep})
    return pauses


def test_a_submission_returns_the_result_of_a_scan_that_ends_during_the_wait(
    env: MotoEnvironment, pauses: Pauses
) -> None:
    pauses.during = env.trigger.deliver_all
    response = env.functions.post(submit_body(), **PREFER)
    assert (response.status, response.body["status"]) == (200, "completed")
    assert response.body["labels"]
    assert response.headers["Preference-Applied"] == "wait=20"
    assert response.headers["Location"] == f"scanrequest/{response.body['request_id']}"
    assert "Retry-After" not in response.headers


def test_a_submission_whose_scan_takes_longer_returns_202_at_the_end_of_the_wait(
    env: MotoEnvironment, pauses: Pauses
) -> None:
    response = env.functions.post(submit_body(), **PREFER)
    assert (response.status, response.body["status"]) == (202, "pending")
    assert response.headers["Preference-Applied"] == "wait=20"
    assert response.headers["Retry-After"] == "1"
    assert pauses.now == pytest.approx(20)


def test_a_status_is_returned_when_the_scan_ends(env: MotoEnvironment, pauses: Pauses) -> None:
    request_id = env.functions.post(submit_body()).body["request_id"]
    pauses.during = env.trigger.deliver_all
    response = env.functions.get(request_id, **PREFER)
    assert response.body["status"] == "completed"
    assert response.headers["Preference-Applied"] == "wait=20"
    assert response.headers["Cache-Control"] == "private, max-age=3600"
    assert pauses.now == pytest.approx(0.05)


def test_a_pending_status_is_returned_at_the_end_of_the_wait(env: MotoEnvironment, pauses: Pauses) -> None:
    request_id = env.functions.post(submit_body()).body["request_id"]
    response = env.functions.get(request_id, **PREFER)
    assert response.body["status"] == "pending"
    assert response.headers["Retry-After"] == "1"
    assert pauses.now == pytest.approx(20)


def test_a_known_etag_is_compared_after_the_wait(env: MotoEnvironment, pauses: Pauses) -> None:
    request_id = env.functions.post(submit_body()).body["request_id"]
    etag = env.functions.get(request_id).headers["ETag"]
    of_pending = {"headers": PREFER["headers"] | {"If-None-Match": etag}}
    assert env.functions.get(request_id, **of_pending).status == 304
    assert pauses.now == pytest.approx(20)
    pauses.during = env.trigger.deliver_all
    assert env.functions.get(request_id, **of_pending).status == 200


def test_debug_data_is_read_after_the_wait(env: MotoEnvironment, pauses: Pauses) -> None:
    request_id = env.functions.post(submit_body()).body["request_id"]
    pauses.during = env.trigger.deliver_all
    response = env.functions.get(request_id, {"debugData": "Y"}, **PREFER)
    assert response.body["debug_data"]["image"]["attempts"] == 1


def test_an_image_that_has_to_be_uploaded_is_not_waited_for(env: MotoEnvironment, pauses: Pauses) -> None:
    response = env.functions.post(BY_HASH, **PREFER)
    assert response.body["upload"]
    assert "Preference-Applied" not in response.headers
    assert pauses.now == 0


def test_a_known_image_is_answered_without_a_pause(env: MotoEnvironment, pauses: Pauses) -> None:
    env.functions.post(submit_body())
    env.trigger.deliver_all()
    env.transport.reset()
    assert env.functions.post(submit_body(), **PREFER).status == 200
    assert env.transport.calls == ["BatchGetItem", "PutItem"]
    assert pauses.now == 0


def test_without_the_parameter_no_call_waits_or_reads_again(make_environment: MakeEnvironment, pauses: Pauses) -> None:
    with make_environment() as env:  # the default of the template
        posted = env.functions.post(submit_body(), **PREFER)
        env.transport.reset()
        found = env.functions.get(posted.body["request_id"], **PREFER)
        assert env.transport.calls == ["GetItem", "GetItem"]
    assert (posted.status, found.body["status"]) == (202, "pending")
    assert "Preference-Applied" not in posted.headers | found.headers
    assert pauses.now == 0


def test_a_submission_is_accepted_even_if_it_cannot_be_read_afterwards(
    env: MotoEnvironment, pauses: Pauses, log: Log
) -> None:
    pauses.during = lambda: env.transport.fail("GetItem", "AccessDeniedException")
    response = env.functions.post(submit_body(), **PREFER)
    assert (response.status, response.body["status"]) == (202, "pending")
    assert log.messages("wait_failed")
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.functions.get(response.body["request_id"]).body["status"] == "completed"


def test_a_read_that_does_not_return_in_time_ends_the_wait(
    env: MotoEnvironment, pauses: Pauses, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_response, "OVERRUN_SECONDS", 0.2)
    stalled = threading.Event()
    pauses.during = lambda: stalled.wait(10)
    prefer = {"headers": {"Prefer": "wait=1"}}
    started = time.monotonic()
    posted = env.functions.post(submit_body(), **prefer)
    found = env.functions.get(posted.body["request_id"], **prefer)
    assert time.monotonic() - started < 5
    stalled.set()
    assert (posted.status, posted.body["status"]) == (202, "pending")
    assert (found.status, found.body["status"]) == (200, "pending")
    assert len(log.messages("wait_failed")) == 2


def test_a_status_whose_later_reads_fail_is_the_last_known_one(env: MotoEnvironment, pauses: Pauses, log: Log) -> None:
    request_id = env.functions.post(submit_body()).body["request_id"]
    pauses.during = lambda: env.transport.fail("GetItem", "AccessDeniedException")
    response = env.functions.get(request_id, **PREFER)
    assert (response.status, response.body["status"]) == (200, "pending")
    assert log.messages("wait_failed")


def test_an_unusable_setting_rejects_a_submission_before_it_is_accepted(make_environment: MakeEnvironment) -> None:
    with make_environment(MAX_WAIT_SECONDS="2.5") as env:
        assert env.functions.post(submit_body(), **PREFER).status == 500
        assert "PutItem" not in env.transport.calls
        assert "PutObject" not in env.transport.calls


def test_a_deferred_image_is_not_waited_for(make_environment: MakeEnvironment, pauses: Pauses) -> None:
    with make_environment(MAX_WAIT_SECONDS="25", DAILY_REKOGNITION_LIMIT="1") as env:
        env.functions.post(submit_body())
        env.trigger.deliver_all()
        request_id = env.functions.post(submit_body(image_bytes(1))).body["request_id"]
        pauses.during = env.trigger.deliver_all
        response = env.functions.get(request_id, **PREFER)
        again = env.functions.get(request_id, **PREFER)
        posted = env.functions.post(submit_body(image_bytes(1)), **PREFER)
    assert {each.headers["Retry-After"] for each in (response, again, posted)} == {"300"}
    assert pauses.now == pytest.approx(0.05)  # until the image was deferred


def test_a_submission_that_is_deleted_during_the_wait_returns_the_deleted_request(
    env: MotoEnvironment, pauses: Pauses, log: Log
) -> None:
    def delete() -> None:
        env.functions.delete(env.functions.accepted[-1])

    first = env.functions.post(submit_body(), headers={"Idempotency-Key": "k"})
    pauses.during = delete
    response = env.functions.post(submit_body(), headers={"Idempotency-Key": "k"} | PREFER["headers"])
    assert (response.status, response.body["request_id"]) == (202, first.body["request_id"])
    assert not log.messages("wait_failed")


def test_a_status_that_is_deleted_during_the_wait_returns_404(env: MotoEnvironment, pauses: Pauses) -> None:
    request_id = env.functions.post(submit_body()).body["request_id"]
    pauses.during = lambda: env.functions.delete(request_id)
    response = env.functions.get(request_id, **PREFER)
    assert (response.status, response.body["code"]) == (404, "request_not_found")


def test_the_request_of_another_caller_is_not_waited_for(env: MotoEnvironment, pauses: Pauses) -> None:
    def of(caller: str) -> dict[str, Any]:
        return {"requestContext": {"requestId": "a", "identity": {"caller": caller}}}

    posted = env.functions.post(submit_body(image_bytes()), **of("AIDAONE"))
    assert env.functions.get(posted.body["request_id"], **PREFER, **of("AIDATWO")).status == 404
    assert pauses.now == 0


def test_a_batch_does_not_wait(env: MotoEnvironment, pauses: Pauses) -> None:
    batch = proxy_event("POST", json.dumps({"entries": [BY_HASH]})) | {"resource": "/scanrequests"} | PREFER
    response = ApiResponse(env.functions.invoke("SubmitFunction", batch))
    assert response.status == 200
    assert "Preference-Applied" not in response.headers
    assert pauses.now == 0
