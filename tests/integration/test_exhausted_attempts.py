"""Images whose attempts may have been billed for nothing: the waits between attempts, exhaustion and reopening."""

from datetime import UTC, datetime

import pytest

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.domain.image_record import Image
from imagescan.domain.policy import BACKOFF_SECONDS, MAX_ATTEMPTS, MAX_EXHAUSTIONS_PER_DAY
from testing.functions import image_bytes
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault
from testing.resources import IMAGES, QUEUE_URL
from tests.integration.conftest import Log
from tests.integration.test_scanner import delays, key_of, record, upload_message

CAT = image_bytes(0)


def scan_without_response(env: MotoEnvironment) -> set[str]:
    """Deliver the message of the image. Rekognition receives the call, but its response is lost."""
    env.transport.inject_into("DetectLabels", InjectedFault.RESPONSE_LOST)
    return env.functions.scan(upload_message(record(key_of(CAT))))


def exhaust(env: MotoEnvironment) -> None:
    """Make all attempts fail, each as soon as it is allowed."""
    for wait in (0, *BACKOFF_SECONDS):
        env.clock.now += wait
        assert scan_without_response(env) == {"m0"}
    env.transport.reset()
    assert env.functions.scan(upload_message(record(key_of(CAT)))) == set()


def image(env: MotoEnvironment) -> Image:
    found = ImagesTable(env.resources.dynamodb, IMAGES).get(hash_of(CAT))
    assert found
    return found


def state(env: MotoEnvironment, request_id: str) -> tuple[str, str | None]:
    body = env.functions.get(request_id).body
    return body["status"], (body["failure"] or {}).get("code")


def submit(env: MotoEnvironment) -> str:
    request_id: str = env.functions.submit(CAT).body["request_id"]
    return request_id


@pytest.fixture(autouse=True)
def _morning(env: MotoEnvironment) -> None:
    """Start early in a UTC day, so that several exhaustions fit into it."""
    env.clock.now = datetime.fromtimestamp(env.clock.now, UTC).replace(hour=1, minute=0).timestamp()


def test_four_minutes_without_rekognition_do_not_fail_an_image(env: MotoEnvironment) -> None:
    request_id = submit(env)
    for _ in range(24):
        scan_without_response(env)
        env.clock.now += 10
    env.transport.reset()
    assert env.detector.calls == {hash_of(CAT): 2}
    assert state(env, request_id) == ("pending", None)
    env.recover()
    assert state(env, request_id) == ("completed", None)


def test_attempts_that_may_have_been_billed_are_spaced(env: MotoEnvironment) -> None:
    submit(env)
    for attempts, wait in enumerate(BACKOFF_SECONDS, 1):
        scan_without_response(env)
        assert delays(env) == [min(wait, 300)]
        env.clock.now += wait - 1
        scan_without_response(env)
        assert env.detector.calls == {hash_of(CAT): attempts}
        env.clock.now += 1
    scan_without_response(env)
    assert env.detector.calls == {hash_of(CAT): MAX_ATTEMPTS}


def test_a_message_is_retried_after_a_short_wait_and_acknowledged_before_a_long_one(
    env: MotoEnvironment, log: Log
) -> None:
    submit(env)
    results = []
    for wait in BACKOFF_SECONDS:
        scan_without_response(env)
        env.transport.reset()
        results.append(env.functions.scan(upload_message(record(key_of(CAT)))))
        env.clock.now += wait
    assert results == [{"m0"}, {"m0"}, set(), set()]
    assert [line.get("retry_in_seconds") for line in log.messages("backing_off")] == [60, 300, None, None]


def test_the_sweeper_enqueues_an_image_when_its_wait_is_over(env: MotoEnvironment) -> None:
    submit(env)
    for wait in (0, *BACKOFF_SECONDS[:2]):
        env.clock.now += wait
        scan_without_response(env)
    env.transport.reset()
    env.resources.sqs.purge_queue(QueueUrl=QUEUE_URL)
    env.clock.now += BACKOFF_SECONDS[2] - 1
    env.functions.sweep()
    assert env.resources.depth(QUEUE_URL) == 0
    env.clock.now += 1
    env.functions.sweep()
    assert env.resources.depth(QUEUE_URL) == 1


def test_exhausted_attempts_fail_the_requests_that_were_waiting(env: MotoEnvironment, log: Log) -> None:
    request_id = submit(env)
    exhaust(env)
    assert env.detector.calls == {hash_of(CAT): MAX_ATTEMPTS}
    assert [line["level"] for line in log.messages("exhausted")] == ["ERROR"]
    assert state(env, request_id) == ("failed", "attempts_exhausted")
    assert (image(env).scan, image(env).is_exhausted) == (None, True)


def test_a_later_request_reopens_the_image_and_is_answered(env: MotoEnvironment) -> None:
    first = submit(env)
    exhaust(env)
    env.clock.now += MINUTE
    second = submit(env)
    assert state(env, second) == ("pending", None)
    env.trigger.deliver_all()
    assert state(env, second) == ("completed", None)
    assert state(env, first) == ("failed", "attempts_exhausted")


def test_a_request_without_bytes_reopens_the_image_as_well(env: MotoEnvironment) -> None:
    submit(env)
    exhaust(env)
    env.clock.now += MINUTE
    env.functions.post({"sha256": hash_of(CAT), "size": len(CAT), "fileType": "image/png"})
    assert (image(env).is_exhausted, image(env).attempts, image(env).not_before) == (False, 0, None)


def test_an_image_is_reopened_three_times_a_day_and_again_on_the_next_day(env: MotoEnvironment) -> None:
    for number in range(1, MAX_EXHAUSTIONS_PER_DAY + 1):
        submit(env)
        assert number == 1 or not image(env).is_exhausted
        exhaust(env)
        assert len(image(env).exhausted_at) == number
        env.clock.now += MINUTE
    request_id = submit(env)
    env.trigger.deliver_all()
    assert image(env).is_exhausted
    assert env.detector.calls == {hash_of(CAT): MAX_ATTEMPTS * MAX_EXHAUSTIONS_PER_DAY}
    assert state(env, request_id) == ("pending", None)
    env.clock.now += 24 * 60 * MINUTE
    assert state(env, request_id) == ("failed", "timed_out")
    later = submit(env)
    env.trigger.deliver_all()
    assert state(env, later) == ("completed", None)


def test_the_sweeper_reopens_an_image_whose_submission_could_not(env: MotoEnvironment) -> None:
    submit(env)
    exhaust(env)
    exhausted = image(env)
    env.clock.now += MINUTE
    request_id = submit(env)
    env.resources.sqs.purge_queue(QueueUrl=QUEUE_URL)
    ImagesTable(env.resources.dynamodb, IMAGES).exhaust(image(env), env.clock.now)  # no attempt: refused
    assert not image(env).is_exhausted
    env.resources.dynamodb.update_item(  # as if the submission had not seen the exhaustion
        TableName=IMAGES,
        Key={"image_hash": {"S": hash_of(CAT)}},
        UpdateExpression="SET is_exhausted = :true",
        ExpressionAttributeValues={":true": {"BOOL": True}},
    )
    assert image(env).exhausted_at == exhausted.exhausted_at
    env.clock.now += 11 * MINUTE
    env.functions.sweep()
    env.trigger.deliver_all()
    assert state(env, request_id) == ("completed", None)


def test_an_exhausted_image_is_reopened_with_one_additional_call(env: MotoEnvironment) -> None:
    submit(env)
    exhaust(env)
    env.clock.now += MINUTE
    env.transport.reset()
    submit(env)
    assert env.transport.calls == ["BatchGetItem", "UpdateItem", "PutObject", "PutItem"]


def test_the_attempts_of_exhausted_images_are_counted_once(env: MotoEnvironment) -> None:
    submit(env)
    exhaust(env)
    env.streams.deliver_all()
    body = env.functions.invoke("StatsFunction", {"resource": "/stats", "httpMethod": "GET"})
    assert '"scans":5' in body["body"]
    assert '"images":0' in body["body"]
    env.clock.now += MINUTE
    submit(env)
    env.trigger.deliver_all()
    env.streams.deliver_all()
    body = env.functions.invoke("StatsFunction", {"resource": "/stats", "httpMethod": "GET"})
    assert '"scans":6' in body["body"]
    assert '"images":1' in body["body"]


def test_writes_based_on_an_earlier_attempt_budget_are_refused(env: MotoEnvironment) -> None:
    submit(env)
    for wait in (0, *BACKOFF_SECONDS):
        env.clock.now += wait
        scan_without_response(env)
    table, out_of_attempts = ImagesTable(clients.dynamodb(), IMAGES), image(env)
    assert table.exhaust(out_of_attempts, env.clock.now).is_exhausted
    exhausted = image(env)
    table.reopen(out_of_attempts)
    assert image(env).is_exhausted
    table.reopen(exhausted)
    assert not image(env).is_exhausted
    assert not table.exhaust(out_of_attempts, env.clock.now + 5).is_exhausted
    assert image(env).exhausted_at == exhausted.exhausted_at
