"""The scanner's handler, from the event of SQS to what it acknowledges."""

import json
from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.domain.policy import MAX_ATTEMPTS
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault
from testing.resources import BUCKET, IMAGES, QUEUE_URL
from testing.wire_messages import body_bytes
from tests.integration.conftest import Log

CAT, CAR = image_bytes(0), image_bytes(1)
ANY_KEY = f"images/{'ab' * 32}.png"


def key_of(content: bytes) -> str:
    return f"images/{hash_of(content)}.png"


def record(key: str, **changes: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3} | changes


def message(*records: Any, number: int = 0, receives: int = 1) -> dict[str, Any]:
    return raw(json.dumps({"Records": records}), number=number, receives=receives)


def raw(body: str, number: int = 0, receives: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"MessageId": f"m{number}", "ReceiptHandle": f"r{number}", "Body": body, "Attributes": attributes}


def status_of(env: MotoEnvironment, request_id: str) -> str:
    status: str = env.functions.get(request_id).body["status"]
    return status


def delays(env: MotoEnvironment) -> list[int]:
    """How long the messages that were given back are to wait, in seconds."""
    sent = zip(env.transport.calls, env.transport.requests, strict=True)
    [request] = [request for call, request in sent if call == "ChangeMessageVisibilityBatch"]
    return [entry["VisibilityTimeout"] for entry in json.loads(body_bytes(request))["Entries"]]


def test_equal_images_of_a_batch_are_scanned_once(env: MotoEnvironment) -> None:
    posted = [env.functions.submit(CAT).body["request_id"] for _ in range(5)]
    assert env.trigger.deliver() == 5
    assert env.detector.calls == {hash_of(CAT): 1}
    assert [status_of(env, request_id) for request_id in posted] == ["completed"] * 5
    assert env.resources.depth(QUEUE_URL) == 0


def test_a_message_of_several_records_brings_all_its_images(env: MotoEnvironment) -> None:
    posted = [env.functions.submit(content).body["request_id"] for content in (CAT, CAR)]
    assert env.functions.scan(message(record(key_of(CAT)), record(key_of(CAR)), record(key_of(CAT)))) == set()
    assert env.detector.calls == {hash_of(CAT): 1, hash_of(CAR): 1}
    assert [status_of(env, request_id) for request_id in posted] == ["completed"] * 2


def test_only_the_message_of_an_unfinished_image_comes_again(env: MotoEnvironment, log: Log) -> None:
    env.functions.submit(CAT)
    env.functions.submit(CAR)
    env.resources.s3.delete_object(Bucket=BUCKET, Key=key_of(CAT))
    env.detector.errors.append((400, "ProvisionedThroughputExceededException"))
    batch = [message(record(key_of(content)), number=number) for number, content in enumerate((CAT, CAR))]
    assert env.functions.scan(*batch) == {"m1"}
    [busy] = log.messages("transient_error")
    assert busy["detail"] == "ProvisionedThroughputExceededException"
    assert busy["image_hash"] == hash_of(CAR)


def test_a_batch_that_fails_whole_comes_again_whole(env: MotoEnvironment) -> None:
    env.functions.submit(CAT)
    env.detector.errors.append((500, "InternalServerError"))
    batch = [message(record(key_of(CAT)), number=number) for number in range(3)]
    assert env.functions.scan(*batch) == {"m0", "m1", "m2"}


POISON = {
    "not JSON": "<xml/>",
    "an empty body": "",
    "not an object": '["s3"]',
    "no records": '{"Event": "s3:SomethingElse"}',
    "records of no event": '{"Records": [{"eventSource": "aws:s3"}]}',
    "nested without end": "[" * 100_000,
    "256 KB of noise": "\x7f" * 262_144,
}


@pytest.mark.parametrize("case", POISON)
def test_poison_comes_again_and_takes_no_other_with_it(env: MotoEnvironment, log: Log, case: str) -> None:
    posted = env.functions.submit(CAT).body["request_id"]
    assert env.functions.scan(raw(POISON[case], number=1), message(record(key_of(CAT)), number=2)) == {"m1"}
    assert status_of(env, posted) == "completed"
    [line] = log.messages("malformed_message")
    assert line["level"] == "ERROR"
    assert line["reason"]
    assert line["message_id"] == "m1"
    assert len(log.text) < 10_000


NOTHING_TO_DO = {
    "the event by which S3 tests a notification": raw(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})),
    "an object that is none of ours": message(record("images/holiday.jpg")),
    "another folder": message(record(f"thumbnails/{ANY_KEY}")),
    "an image that was removed": message(record(ANY_KEY, eventName="ObjectRemoved:Delete")),
    "no record at all": message(),
}


@pytest.mark.parametrize("case", NOTHING_TO_DO)
def test_what_announces_no_image_is_acknowledged_untouched(env: MotoEnvironment, case: str) -> None:
    assert env.functions.scan(NOTHING_TO_DO[case]) == set()
    assert env.transport.calls == []


def test_an_image_that_is_gone_is_acknowledged_and_costs_nothing(env: MotoEnvironment) -> None:
    assert env.functions.scan(message(record(ANY_KEY))) == set()
    assert env.detector.calls.total() == 0
    [item] = env.resources.items(IMAGES)
    assert item.keys() == {"image_hash", "status"}


def test_bytes_under_another_hash_are_not_scanned(env: MotoEnvironment, log: Log) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=ANY_KEY, Body=CAT)
    assert env.trigger.deliver() == 1
    assert env.resources.depth(QUEUE_URL) == 0
    assert env.detector.calls.total() == 0
    assert log.messages("hash_mismatch")


def test_an_image_that_another_holds_comes_again_soon(env: MotoEnvironment) -> None:
    env.functions.submit(CAT)
    now = env.clock.now
    ImagesTable(clients.dynamodb(), IMAGES).lease(hash_of(CAT), "another", now, now + 90, MAX_ATTEMPTS)
    env.transport.reset()
    assert env.functions.scan(message(record(key_of(CAT)), receives=2)) == {"m0"}
    assert delays(env) == [20]
    assert env.detector.calls.total() == 0


@pytest.mark.parametrize(("receives", "delay"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300)])
def test_a_message_waits_longer_each_time(env: MotoEnvironment, receives: int, delay: int) -> None:
    env.functions.submit(CAT)
    env.detector.errors.append((400, "ThrottlingException"))
    env.transport.reset()
    env.functions.scan(message(record(key_of(CAT)), receives=receives))
    assert delays(env) == [delay]


def test_a_scan_that_no_time_is_left_for_is_not_begun(env: MotoEnvironment) -> None:
    env.functions.submit(CAT)
    env.transport.reset()
    assert env.functions.scan(message(record(key_of(CAT))), seconds=29) == {"m0"}
    assert env.transport.calls == ["ChangeMessageVisibilityBatch"]


def test_a_fault_of_the_deployment_is_an_error_in_the_log_and_never_an_answer(env: MotoEnvironment, log: Log) -> None:
    posted = env.functions.submit(CAT).body["request_id"]
    env.detector.errors.append((400, "AccessDeniedException"))
    assert env.functions.scan(message(record(key_of(CAT)))) == {"m0"}
    [line] = log.messages("configuration_error")
    assert (line["level"], line["detail"]) == ("ERROR", "AccessDeniedException")
    assert status_of(env, posted) == "pending"


def test_an_image_whose_answers_are_lost_is_given_up_in_the_end(env: MotoEnvironment, log: Log) -> None:
    posted = env.functions.submit(CAT).body["request_id"]
    lost = {2: InjectedFault.RESPONSE_LOST}  # after the lease and the look at the object
    for _ in range(MAX_ATTEMPTS):
        env.transport.inject(lost)
        assert env.functions.scan(message(record(key_of(CAT)))) == {"m0"}
    assert env.functions.scan(message(record(key_of(CAT)))) == set()
    assert env.detector.calls == {hash_of(CAT): MAX_ATTEMPTS}
    [line] = log.messages("exhausted")
    assert line["level"] == "ERROR"
    answer = env.functions.get(posted).body
    assert (answer["status"], answer["failure"]["code"]) == ("failed", "attempts_exhausted")


def test_a_refused_settling_does_not_bring_the_message_back(env: MotoEnvironment, log: Log) -> None:
    posted = env.functions.submit(CAT).body["request_id"]
    env.transport.fail("Query", "AccessDeniedException")
    assert env.functions.scan(message(record(key_of(CAT)))) == set()
    assert status_of(env, posted) == "completed"
    [line] = log.messages("scanned")
    assert (line["level"], line["settled"]) == ("WARNING", 0)
    assert "AccessDeniedException" in line["exception"]
