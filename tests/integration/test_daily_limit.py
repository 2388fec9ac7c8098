"""The daily limit of Rekognition calls: images over the limit are deferred to the next day."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from imagescan.domain.image_record import next_day
from imagescan.domain.policy import DAY_SECONDS
from testing.functions import ApiResponse, image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment, clear_settings_cache
from testing.recording_transport import InjectedFault, Killed
from testing.resources import BUCKET, COUNTERS, DEAD_LETTER_QUEUE_URL, QUEUE_URL, REQUESTS

NOON = DAY_SECONDS * 20_000 + DAY_SECONDS / 2
LIMIT = 4


@pytest.fixture
def limited(make_environment: MakeEnvironment) -> Iterator[MotoEnvironment]:
    """Provide an environment at noon with a daily limit of four calls."""
    with make_environment(DAILY_REKOGNITION_LIMIT=str(LIMIT)) as env:
        env.clock.now = NOON
        yield env


def use_quota(env: MotoEnvironment, calls: int = LIMIT) -> None:
    for shade in range(calls):
        env.functions.submit(image_bytes(100 + shade))
    env.trigger.deliver_all()


def advance_to_next_day(env: MotoEnvironment) -> None:
    env.pass_time(next_day(env.clock.now) + 1 - env.clock.now)
    env.functions.sweep()
    env.trigger.deliver_all()


def counted_calls(env: MotoEnvironment) -> dict[str, int]:
    """Return the counted_calls calls by day."""
    return {item["name"]["S"]: int(item["calls"]["N"]) for item in env.resources.items(COUNTERS)}


def submit_deferred(env: MotoEnvironment) -> str:
    """Return the ID of a request whose image is deferred because the quota is used up."""
    use_quota(env)
    request_id: str = env.functions.submit(image_bytes()).body["request_id"]
    env.trigger.deliver_all()
    return request_id


def statuses(env: MotoEnvironment) -> list[str]:
    return sorted(request["status"] for request in env.requests())


def timestamp(response: ApiResponse, key: str) -> float:
    return datetime.fromisoformat(response.body[key]).timestamp()


def test_a_limit_adds_one_call_to_a_scan(limited: MotoEnvironment) -> None:
    limited.functions.submit(image_bytes())
    limited.transport.reset()
    limited.trigger.deliver_all()
    assert limited.transport.calls[:7] == [
        "UpdateItem",
        "GetObject",
        "GetItem",
        "UpdateItem",  # the lease of the content
        "UpdateItem",  # the quota
        "DetectLabels",
        "UpdateItem",
    ]
    assert len(limited.transport.calls) == 10
    assert counted_calls(limited) == {f"calls#{datetime.fromtimestamp(NOON, UTC):%Y-%m-%d}": 1}


def test_a_batch_of_ten_makes_only_the_remaining_calls_and_defers_the_other_images(limited: MotoEnvironment) -> None:
    for shade in range(10):
        limited.functions.submit(image_bytes(shade))
    assert limited.trigger.deliver() == 10
    assert limited.detector.calls.total() == LIMIT
    assert statuses(limited) == ["completed"] * LIMIT + ["pending"] * 6
    assert limited.resources.depth(QUEUE_URL) == limited.resources.depth(DEAD_LETTER_QUEUE_URL) == 0


def test_each_day_has_its_own_quota(limited: MotoEnvironment) -> None:
    for shade in range(10):
        limited.functions.submit(image_bytes(shade))
    limited.trigger.deliver_all()
    for total in (8, 10):
        advance_to_next_day(limited)
        assert limited.detector.calls.total() == total
    assert statuses(limited) == ["completed"] * 10
    assert sorted(counted_calls(limited).values()) == [2, 4, 4]


def test_the_response_of_a_deferred_request_states_the_day_of_its_scan(limited: MotoEnvironment) -> None:
    response = limited.functions.get(submit_deferred(limited))
    midnight = next_day(NOON)
    assert (response.body["status"], response.headers["Retry-After"]) == ("pending", "300")
    assert f"{datetime.fromtimestamp(midnight, UTC):%Y-%m-%d} (UTC)" in response.body["message"]
    assert timestamp(response, "deadline") == midnight + 60 * MINUTE


def test_a_submission_of_a_deferred_image_states_the_limit(limited: MotoEnvironment) -> None:
    submit_deferred(limited)
    response = limited.functions.submit(image_bytes())
    assert (response.status, response.headers["Retry-After"]) == (202, "300")
    assert "daily scan limit" in response.body["message"]


def test_a_deferral_extends_the_deadline_of_a_request(limited: MotoEnvironment) -> None:
    request_id = submit_deferred(limited)
    limited.pass_time(90 * MINUTE)
    report = limited.functions.sweep()
    assert [report[name] for name in ("pending", "overdue", "settled", "requeued")] == [1, 0, 0, 0]
    before = limited.functions.get(request_id)
    advance_to_next_day(limited)
    response = limited.functions.get(request_id)
    assert (before.body["status"], response.body["status"]) == ("pending", "completed")
    assert response.body["deadline"] == before.body["deadline"]


def test_a_deferred_request_without_an_object_times_out_on_the_next_day(limited: MotoEnvironment) -> None:
    request_id = submit_deferred(limited)
    limited.resources.s3.delete_object(Bucket=BUCKET, Key=f"images/{hash_of(image_bytes())}.png")
    limited.pass_time(next_day(NOON) + 81 * MINUTE - NOON)
    limited.functions.sweep()
    response = limited.functions.get(request_id)
    assert (response.body["status"], response.body["failure"]["code"]) == ("failed", "timed_out")
    assert timestamp(response, "completed_at") == timestamp(response, "deadline") == next_day(NOON) + 60 * MINUTE
    assert limited.resources.items(REQUESTS, index="pending_by_image") == []


@pytest.mark.parametrize(
    "error", [(400, "ThrottlingException"), (400, "AccessDeniedException"), (500, "InternalServerError")]
)
def test_a_rejected_call_is_not_counted(limited: MotoEnvironment, error: tuple[int, str]) -> None:
    limited.functions.submit(image_bytes())
    limited.detector.errors.append(error)
    limited.trigger.deliver()
    assert list(counted_calls(limited).values()) == [0]


def test_a_call_with_a_lost_response_is_counted(limited: MotoEnvironment) -> None:
    limited.functions.submit(image_bytes())
    limited.transport.inject_into("DetectLabels", InjectedFault.RESPONSE_LOST)
    limited.trigger.deliver()
    assert list(counted_calls(limited).values()) == [1]


def test_a_count_with_a_lost_response_is_not_retried(limited: MotoEnvironment) -> None:
    limited.functions.submit(image_bytes())
    limited.transport.inject({4: InjectedFault.RESPONSE_LOST})
    limited.trigger.deliver()
    assert list(counted_calls(limited).values()) == [1]
    assert limited.detector.calls.total() == 0
    assert limited.resources.depth(QUEUE_URL) == 1


def test_a_raised_limit_applies_to_the_next_delivery(make_environment: MakeEnvironment) -> None:
    with make_environment(DAILY_REKOGNITION_LIMIT="1") as env:
        use_quota(env, 1)
        env.functions.submit(image_bytes())
        env.trigger.deliver_all()
        assert statuses(env) == ["completed", "pending"]
        env.functions.overrides["DAILY_REKOGNITION_LIMIT"] = "2"
        clear_settings_cache()
        env.functions.submit(image_bytes())
        env.trigger.deliver_all()
        assert statuses(env) == ["completed"] * 3


CALLS_OF_A_DEFERRAL = (
    "lease",
    "find object",
    "find request",
    "lease content",
    "acquire quota",
    "release content",
    "defer",
)


@pytest.mark.parametrize("fault", InjectedFault)
@pytest.mark.parametrize("position", range(len(CALLS_OF_A_DEFERRAL)), ids=CALLS_OF_A_DEFERRAL)
def test_a_fault_in_any_call_of_a_deferral_loses_no_request(
    limited: MotoEnvironment, position: int, fault: InjectedFault
) -> None:
    use_quota(limited)
    limited.functions.submit(image_bytes())
    limited.transport.inject({position: fault})
    with suppress(Killed):
        limited.trigger.deliver_all()
    limited.pass_time(6 * MINUTE)
    limited.trigger.deliver_all()
    assert (statuses(limited), limited.detector.calls.total()) == (["completed"] * LIMIT + ["pending"], LIMIT)
    advance_to_next_day(limited)
    assert (statuses(limited), limited.detector.calls.total()) == (["completed"] * (LIMIT + 1), LIMIT + 1)
    assert limited.resources.depth(QUEUE_URL) == limited.resources.depth(DEAD_LETTER_QUEUE_URL) == 0


def test_deferred_images_are_counted_in_a_metric(limited: MotoEnvironment, capsys: pytest.CaptureFixture[str]) -> None:
    submit_deferred(limited)
    assert '"Deferred":[1' in capsys.readouterr().out.replace(" ", "")


# ---------------------------------------------------------------- features


def post_for(env: MotoEnvironment, *features: str, shade: int = 0) -> str:
    image = b64encode(image_bytes(shade)).decode()
    body = env.functions.post({"file": image, "fileType": "image/png", "features": list(features)}).body
    request_id: str = body["request_id"]
    return request_id


def counters(env: MotoEnvironment) -> dict[str, int]:
    """Return the counters of the day."""
    [item] = env.resources.items(COUNTERS)
    return {name: int(value["N"]) for name, value in item.items() if name.endswith("calls")}


def test_the_limit_applies_to_all_features_together_and_the_calls_of_each_are_counted(limited: MotoEnvironment) -> None:
    for shade, features in enumerate((["labels", "text"], ["text"], ["moderation"])):
        post_for(limited, *features, shade=shade)
        limited.trigger.deliver_all()
    assert counters(limited) == {"calls": 4, "labels_calls": 1, "moderation_calls": 1, "text_calls": 2}
    post_for(limited, "text", shade=3)
    limited.trigger.deliver_all()
    assert (counters(limited)["calls"], limited.detector.calls.total()) == (4, 4)


def test_a_call_that_is_not_billed_is_refunded_for_its_feature(limited: MotoEnvironment) -> None:
    limited.transport.fail("DetectText", "ThrottlingException", times=1)
    post_for(limited, "labels", "text")
    limited.trigger.deliver()
    assert counters(limited) == {"calls": 1, "labels_calls": 1, "text_calls": 0}


def test_a_request_waits_for_the_feature_that_is_deferred_and_pays_the_others_once(limited: MotoEnvironment) -> None:
    use_quota(limited, LIMIT - 1)
    request_id = post_for(limited, "labels", "text")
    limited.trigger.deliver_all()
    pending = limited.functions.get(request_id)
    assert (pending.body["status"], pending.headers["Retry-After"]) == ("pending", "300")
    assert "daily scan limit" in pending.body["message"]
    advance_to_next_day(limited)
    assert limited.functions.get(request_id).body["status"] == "completed"
    assert limited.detector.calls[hash_of(image_bytes())] == 2
