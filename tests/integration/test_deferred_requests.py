"""What clients read about a deferred request before and after midnight."""

from typing import Any

import pytest

from imagescan.domain.image_record import next_day
from imagescan.domain.iso_time import iso_time
from imagescan.domain.policy import DAY_SECONDS
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment

NOON = DAY_SECONDS * 20_000 + DAY_SECONDS / 2
MIDNIGHT = next_day(NOON)
DEFERRED_DAY = iso_time(MIDNIGHT)[:10]


def list_requests(env: MotoEnvironment, **query: str) -> ApiResponse:
    event = proxy_event("GET") | {"queryStringParameters": query}
    return ApiResponse(env.functions.invoke("ListRequestsFunction", event))


def submit_known(env: MotoEnvironment, image: bytes) -> ApiResponse:
    return env.functions.post({"sha256": hash_of(image), "size": len(image), "fileType": "image/png"})


@pytest.mark.parametrize(
    ("now", "names_day", "retry_after"), [(NOON + 60, True, "300"), (MIDNIGHT, False, "1"), (MIDNIGHT + 60, False, "1")]
)
def test_the_day_and_the_interval_are_those_of_now(
    make_environment: MakeEnvironment, now: float, names_day: bool, retry_after: str
) -> None:
    with make_environment(DAILY_REKOGNITION_LIMIT="1") as env:
        env.clock.now = NOON
        env.functions.submit(image_bytes(1))
        env.trigger.deliver_all()
        request_id = env.functions.submit(image_bytes()).body["request_id"]
        env.trigger.deliver_all()
        env.clock.now = now
        by_id, listed = list_requests(env, ids=request_id), list_requests(env, status="pending")
        status, submitted = env.functions.get(request_id), submit_known(env, image_bytes())
        bodies: list[dict[str, Any]] = [
            status.body,
            by_id.body["results"][0]["request"],
            *listed.body["requests"],
            submitted.body,
        ]
        assert [DEFERRED_DAY in body["message"] for body in bodies] == [names_day] * 4
        assert [each.headers["Retry-After"] for each in (status, by_id, submitted)] == [retry_after] * 3
