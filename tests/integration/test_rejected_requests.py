"""Requests that are rejected or deleted: their bytes are neither paid for nor kept, and they do not come back."""

import time
from base64 import b64encode
from collections import Counter

import pytest

from imagescan.aws.requests_table import RequestsTable
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.functions import ApiResponse, image_bytes
from testing.images import png
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, QUEUE_URL, REQUESTS
from tests.integration.test_batch_requests import entry
from tests.integration.test_scanner import record, upload_message

KEY = {"Idempotency-Key": "key"}


def post_with_key(env: MotoEnvironment, image: bytes) -> ApiResponse:
    return env.functions.post({"file": b64encode(image).decode(), "fileType": "image/png"}, headers=KEY)


def stored_objects(env: MotoEnvironment) -> list[str]:
    return [each["Key"] for each in env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", [])]


def deliver_until_decided(env: MotoEnvironment) -> None:
    """Deliver all messages as often as SQS would, with the delays between the deliveries."""
    for _ in range(5):
        env.pass_time(10)
        env.trigger.deliver_all()


def purge(env: MotoEnvironment) -> None:
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()


def test_twenty_images_under_one_key_at_once_are_paid_for_once_and_one_is_kept(
    env: MotoEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [png(80, 80, shade=shade) for shade in range(20)]
    with monkeypatch.context() as patch:
        patch.setattr(RequestsTable, "find", lambda *_: None)  # all are read before the first one is stored
        responses = [post_with_key(env, image) for image in images]
    assert len(stored_objects(env)) == 20
    assert Counter(response.status for response in responses) == {202: 1, 409: 19}
    deliver_until_decided(env)
    assert env.detector.calls.total() == 1
    purge(env)
    assert stored_objects(env) == [f"images/{hash_of(images[0])}.png"]


def test_a_request_that_cannot_be_stored_costs_no_call_and_keeps_no_object(env: MotoEnvironment) -> None:
    env.transport.fail("PutItem", "AccessDeniedException", 400)
    assert env.functions.submit(image_bytes()).status == 500
    env.transport.reset()
    deliver_until_decided(env)
    assert env.detector.calls.total() == 0
    assert env.resources.depth(QUEUE_URL) == 0
    purge(env)
    assert stored_objects(env) == []


def test_bytes_of_a_submission_that_crashed_are_purged_without_a_call(env: MotoEnvironment) -> None:
    env.clock.now = time.time()  # the time of the object
    key = f"images/{hash_of(image_bytes())}.png"
    env.resources.s3.put_object(
        Bucket=BUCKET, Key=key, Body=image_bytes(), Metadata={"request-id": "crashed"}, ChecksumAlgorithm="SHA256"
    )
    assert env.functions.scan(upload_message(record(key))) == {"m0"}  # the request may still be stored
    deliver_until_decided(env)
    assert (env.detector.calls.total(), env.resources.depth(QUEUE_URL)) == (0, 0)
    purge(env)
    assert stored_objects(env) == []


@pytest.mark.parametrize(("body", "read"), [("posted", "GetItem"), ("declared", "BatchGetItem")])
def test_a_repeated_key_does_not_restore_a_deleted_request(env: MotoEnvironment, body: str, read: str) -> None:
    image = png(80, 80, shade=1)
    first = env.functions.post(entry(1), headers=KEY) if body == "declared" else post_with_key(env, image)
    env.functions.delete(first.body["request_id"])
    env.resources.delete_messages()
    env.transport.reset()
    again = env.functions.post(entry(1), headers=KEY) if body == "declared" else post_with_key(env, image)
    assert (again.status, again.body["code"]) == (409, "request_deleted")
    assert env.transport.calls == [read, "GetItem"]
    assert env.functions.get(first.body["request_id"]).status == 404
    [item] = env.resources.items(REQUESTS)
    assert item["status"]["S"] == "deleted"


def test_the_record_of_a_deletion_expires_with_the_request_but_not_within_a_day(env: MotoEnvironment) -> None:
    request_id = env.functions.submit(image_bytes()).body["request_id"]
    [item] = env.resources.items(REQUESTS)
    env.functions.delete(request_id)
    [deleted] = env.resources.items(REQUESTS)
    assert deleted["expires_at"] == item["expires_at"]


def test_an_upload_for_a_finished_request_is_neither_scanned_nor_purged(env: MotoEnvironment) -> None:
    """The image was scanned for another request in the meantime."""
    declared = env.functions.post(entry(1)).body
    env.functions.submit(png(shade=1))
    env.trigger.deliver_all()
    assert env.functions.get(declared["request_id"]).body["status"] == "completed"
    key = f"uploads/{declared['request_id']}/{hash_of(png(shade=1))}.png"
    env.resources.s3.put_object(Bucket=BUCKET, Key=key, Body=png(shade=1), Metadata={"request-id": "r"})
    env.trigger.deliver_all()
    assert env.detector.calls.total() == 1
    purge(env)
    assert key in stored_objects(env)


def test_an_upload_url_carries_the_condition_that_no_object_exists(env: MotoEnvironment) -> None:
    upload = env.functions.post(entry(1)).body["upload"]
    assert upload["headers"]["If-None-Match"] == "*"
    assert "if-none-match" in upload["url"].lower()  # among the signed headers
