"""The daily limit of submissions per caller: ``DailyLimitPerCaller``."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from imagescan.domain.policy import DAY_SECONDS
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment
from testing.resources import BUCKET, COUNTERS, REQUESTS

LIMIT = 2
ANN = {"authorizer": {"claims": {"sub": "ann"}}}
BOB = {"authorizer": {"claims": {"sub": "bob"}}}
ANONYMOUS: dict[str, Any] = {}


@pytest.fixture
def limited(make_environment: MakeEnvironment) -> Iterator[MotoEnvironment]:
    with make_environment(DAILY_LIMIT_PER_CALLER=str(LIMIT)) as env:
        yield env


def entry(shade: int) -> dict[str, Any]:
    content = image_bytes(shade)
    return {"sha256": hash_of(content), "size": len(content), "fileType": "image/png"}


def submit(env: MotoEnvironment, shade: int, caller: dict[str, Any] = ANN, **event: Any) -> ApiResponse:
    return env.functions.post(entry(shade), requestContext=caller, **event)


def use_up(env: MotoEnvironment) -> list[ApiResponse]:
    return [submit(env, shade) for shade in range(LIMIT)]


def test_a_caller_cannot_submit_more_images_than_the_limit(limited: MotoEnvironment) -> None:
    assert [each.status for each in use_up(limited)] == [202, 202]
    rejected = submit(limited, LIMIT)
    assert (rejected.status, rejected.body["code"]) == (403, "daily_limit_exceeded")
    assert rejected.body["message"].startswith("You have made 2 submissions today")


def test_nothing_is_stored_for_a_submission_over_the_limit(limited: MotoEnvironment) -> None:
    use_up(limited)
    limited.transport.reset()
    body = {"file": b64encode(image_bytes(LIMIT)).decode(), "fileType": "image/png"}
    assert limited.functions.post(body, requestContext=ANN).status == 403
    assert limited.transport.calls == ["BatchGetItem", "BatchGetItem", "UpdateItem"]
    assert len(limited.resources.items(REQUESTS)) == LIMIT
    assert limited.resources.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_the_limit_of_one_caller_does_not_affect_another_one(limited: MotoEnvironment) -> None:
    use_up(limited)
    assert submit(limited, LIMIT, BOB).status == 202
    assert submit(limited, LIMIT, ANONYMOUS).status == 202


def test_a_known_image_does_not_count(limited: MotoEnvironment) -> None:
    first, _ = use_up(limited)
    limited.upload(image_bytes(0), first.body)
    limited.trigger.deliver_all()
    assert submit(limited, 0).status == 200


def test_a_repeated_idempotency_key_does_not_count(limited: MotoEnvironment) -> None:
    for _ in range(LIMIT + 1):
        assert submit(limited, 0, headers={"Idempotency-Key": "k"}).status == 202
    assert submit(limited, 1).status == 202


def test_the_limit_applies_per_day(limited: MotoEnvironment) -> None:
    use_up(limited)
    limited.pass_time(DAY_SECONDS)
    assert submit(limited, LIMIT).status == 202


def test_each_entry_of_a_batch_counts(limited: MotoEnvironment) -> None:
    event = proxy_event("POST", json.dumps({"entries": [entry(shade) for shade in range(LIMIT + 1)]}))
    event |= {"resource": "/scanrequests", "requestContext": ANN}
    results = ApiResponse(limited.functions.invoke("SubmitFunction", event)).body["results"]
    assert sorted(each["status_code"] for each in results) == [202, 202, 403]
    [error] = [each["error"] for each in results if each["error"]]
    assert error["code"] == "daily_limit_exceeded"


def test_without_a_limit_submissions_are_not_counted(env: MotoEnvironment) -> None:
    submit(env, 0)
    assert env.resources.items(COUNTERS) == []
