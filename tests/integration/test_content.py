"""Files with the same content share one scan, from the API Gateway event to the items and the counters."""

from base64 import b64encode
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from imagescan.domain.content import all_content_item_keys, is_content_item_key
from imagescan.domain.content_hash import content_hash
from imagescan.domain.iso_time import iso_time
from imagescan.domain.policy import BACKOFF_SECONDS, MAX_ATTEMPTS
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.fake_rekognition import text_line
from testing.functions import ApiResponse, proxy_event
from testing.image_variants import with_comment, with_exif, with_trailing_bytes, with_xmp, without_exif
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.recording_transport import InjectedFault, Killed
from testing.resources import BUCKET, IMAGES, QUEUE_URL
from tools import paths

CAT = with_exif((paths.SAMPLES / "cat.jpg").read_bytes())
SAME = {
    "EXIF removed": without_exif(CAT),
    "XMP added": with_xmp(CAT),
    "comment added": with_comment(CAT),
    "bytes appended": with_trailing_bytes(CAT),
}
COPY = SAME["comment added"]
CONTENT = content_hash([CAT])
ANN, BOB = ({"requestContext": {"authorizer": {"claims": {"sub": name}}}} for name in ("ann", "bob"))

type Body = dict[str, Any]


def encoded_again(jpeg: bytes) -> bytes:
    target = BytesIO()
    with Image.open(BytesIO(jpeg)) as image:
        image.save(target, "JPEG", quality=70)
    return target.getvalue()


def post(env: MotoEnvironment, content: bytes, event: Body | None = None, **fields: Any) -> Body:
    response = env.functions.post(
        {"file": b64encode(content).decode(), "fileType": "image/jpeg", **fields}, **(event or {})
    )
    assert response.status in (200, 202), response.body
    body: Body = response.body
    return body


def declare(env: MotoEnvironment, content: bytes, event: Body | None = None, **fields: Any) -> Body:
    declared = {"sha256": hash_of(content), "size": len(content), "fileType": "image/jpeg"}
    body: Body = env.functions.post(declared | fields, **(event or {})).body
    return body


def upload(env: MotoEnvironment, content: bytes, event: Body | None = None, **fields: Any) -> Body:
    """Submit the file by its hash, and upload it."""
    body = declare(env, content, event, **fields)
    env.upload(content, body)
    return body


def get(env: MotoEnvironment, request: Body, event: Body | None = None) -> Body:
    body: Body = env.functions.get(request["request_id"], **(event or {})).body
    return body


def scan(env: MotoEnvironment, content: bytes = CAT, event: Body | None = None) -> Body:
    """Post the file, and return its request after the scan."""
    request = post(env, content, event)
    env.trigger.deliver_all()
    return get(env, request, event)


def content_items(env: MotoEnvironment) -> list[str]:
    keys = [item["image_hash"]["S"] for item in env.resources.items(IMAGES)]
    return [key for key in keys if is_content_item_key(key)]


# ---------------------------------------------------------------- one call


def test_files_with_the_same_content_are_answered_at_once(env: MotoEnvironment) -> None:
    first = scan(env)
    assert (first["status"], first["label_matched"], first["reused_by"]) == ("completed", True, None)
    assert (first["scan_reused"], first["content_hash"]) == (False, CONTENT)
    env.pass_time(MINUTE)
    for content in SAME.values():
        body = post(env, content)
        assert (body["status"], body["label_matched"], body["image_hash"]) == ("completed", True, hash_of(content))
        assert (body["scan_reused"], body["reused_by"], body["content_hash"]) == (True, "content", CONTENT)
        assert body["scanned_at"] == first["scanned_at"] < body["completed_at"]
        assert body["labels"] == first["labels"]
        assert get(env, body) == body
    assert env.detector.calls == {hash_of(CAT): 1}
    assert env.resources.depth(QUEUE_URL) == 0
    assert len(env.resources.s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 1


@pytest.mark.parametrize("send", [post, upload])
def test_files_with_the_same_content_that_wait_for_their_scan_cost_one_call(env: MotoEnvironment, send: Any) -> None:
    requests = [send(env, content) for content in (CAT, *SAME.values())]
    assert {(request["status"], request["content_hash"]) for request in requests} == {("pending", None)}
    env.recover()
    bodies = [get(env, request) for request in requests]
    assert {(body["status"], body["content_hash"]) for body in bodies} == {("completed", CONTENT)}
    assert sorted(str(body["reused_by"]) for body in bodies) == ["None", *["content"] * len(SAME)]
    assert len({body["scanned_at"] for body in bodies}) == 1
    assert env.detector.operations == ["DetectLabels"]


def test_a_later_request_for_the_bytes_of_a_copy_reuses_them(env: MotoEnvironment) -> None:
    first = scan(env)
    post(env, COPY)
    for again in (post(env, COPY), declare(env, COPY)):
        assert (again["status"], again["reused_by"], again["scanned_at"]) == ("completed", "bytes", first["scanned_at"])
    assert env.detector.calls.total() == 1


def test_a_file_that_is_submitted_by_its_hash_is_answered_after_its_upload(env: MotoEnvironment) -> None:
    scan(env)
    request = declare(env, COPY)
    assert (request["status"], request["content_hash"], bool(request["upload"])) == ("pending", None, True)
    env.upload(COPY, request)
    env.trigger.deliver_all()
    assert get(env, request)["reused_by"] == "content"
    assert env.detector.calls.total() == 1


@pytest.mark.parametrize("send", [post, upload])
@pytest.mark.parametrize(
    "content", [with_exif(CAT, orientation=6), encoded_again(CAT)], ids=["rotated", "encoded again"]
)
def test_a_file_with_other_pixels_is_scanned(env: MotoEnvironment, content: bytes, send: Any) -> None:
    scan(env)
    request = send(env, content)
    env.trigger.deliver_all()
    body = get(env, request)
    assert (body["status"], body["reused_by"], body["content_hash"]) == ("completed", None, content_hash([content]))
    assert body["content_hash"] != CONTENT
    assert env.detector.calls == {hash_of(CAT): 1, hash_of(content): 1}


def test_each_feature_of_a_content_is_paid_once(env: MotoEnvironment) -> None:
    env.detector.text = {hash_of(CAT): text_line("Big SALE", 99.0)}
    post(env, CAT, text=["sale"])
    env.trigger.deliver_all()
    assert post(env, COPY, text=["sale"])["reused_by"] == "content"
    both = post(env, SAME["XMP added"], label="cat", text=["sale"])
    assert both["status"] == "pending"
    env.trigger.deliver_all()
    body = get(env, both)
    assert (body["status"], body["scan_reused"], body["reused_by"]) == ("completed", False, None)
    assert [line["text"] for line in body["text"]["lines"]] == ["Big SALE"]
    assert env.detector.operations == ["DetectText", "DetectLabels"]


def test_a_rejected_image_does_not_fail_other_files_with_its_content(env: MotoEnvironment) -> None:
    env.detector.unreadable = {hash_of(COPY)}
    failed = scan(env, COPY)
    assert (failed["failure"]["code"], failed["content_hash"]) == ("image_invalid", CONTENT)
    assert scan(env)["status"] == "completed"
    assert post(env, COPY)["status"] == "failed"
    assert env.detector.calls == {hash_of(COPY): 1, hash_of(CAT): 1}


def test_a_new_file_gets_its_own_attempts_although_those_of_its_content_are_used_up(env: MotoEnvironment) -> None:
    request = post(env, CAT)
    for wait in (0, *BACKOFF_SECONDS, 0):
        env.pass_time(wait)
        env.transport.inject_into("DetectLabels", InjectedFault.RESPONSE_LOST)
        env.resources.enqueue(f"images/{hash_of(CAT)}.jpg")
        env.trigger.deliver_all()
    env.transport.reset()
    assert get(env, request)["failure"]["code"] == "attempts_exhausted"
    assert env.detector.calls == {hash_of(CAT): MAX_ATTEMPTS}
    env.pass_time(MINUTE)
    assert scan(env, COPY)["status"] == "completed"


# ---------------------------------------------------------------- AWS calls


SCAN = [
    "UpdateItem",  # the lease of the image
    "GetObject",
    "GetItem",  # the request
    "UpdateItem",  # the lease of the content
    "DetectLabels",
    "UpdateItem",  # the result of the content
    "UpdateItem",  # the result of the image
    "Query",
    "UpdateItem",  # the answer
]


def test_a_new_content_takes_two_calls_more_than_a_file_without_content_hash(env: MotoEnvironment) -> None:
    post(env, CAT)
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.transport.calls == SCAN
    truncated = CAT[:-2]
    assert content_hash([truncated]) is None
    env.transport.reset()
    post(env, truncated)
    assert env.transport.calls == ["GetItem", "PutObject", "PutItem"]
    env.transport.reset()
    env.trigger.deliver_all()
    assert env.transport.calls == [*SCAN[:3], "DetectLabels", *SCAN[6:]]


def test_a_copy_takes_no_call_of_the_detector(env: MotoEnvironment) -> None:
    request = upload(env, COPY)
    waiting = env.trigger.receive()
    scan(env)
    env.transport.reset()
    assert env.functions.scan(*waiting) == set()
    assert env.transport.calls == [
        "GetObject",
        "GetItem",
        "UpdateItem",  # the lease of the image
        "UpdateItem",  # that of the content, which is refused
        "UpdateItem",  # the copy
        "Query",
        "UpdateItem",  # the answer
    ]
    assert get(env, request)["reused_by"] == "content"


def test_posted_bytes_with_a_known_content_take_three_calls(env: MotoEnvironment) -> None:
    scan(env)
    for content, calls in ((COPY, ["BatchGetItem", "UpdateItem", "PutItem"]), (COPY, ["BatchGetItem", "PutItem"])):
        env.transport.reset()
        post(env, content)
        assert env.transport.calls == calls


# ---------------------------------------------------------------- deletion


def delete_and_purge(env: MotoEnvironment, request: Body) -> None:
    env.functions.delete(request["request_id"])
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()


@pytest.mark.parametrize("deleted", ["the file that was scanned", "its copy"])
def test_a_purge_removes_the_content_and_leaves_the_other_file(env: MotoEnvironment, deleted: str) -> None:
    scanned = scan(env)
    copied = upload(env, COPY)
    env.trigger.deliver_all()
    copied = get(env, copied)
    purged, kept = (scanned, copied) if deleted == "the file that was scanned" else (copied, scanned)
    delete_and_purge(env, purged)
    assert [item["image_hash"]["S"] for item in env.resources.items(IMAGES)] == [kept["image_hash"]]
    assert get(env, kept) == kept
    contents = {hash_of(CAT): CAT, hash_of(COPY): COPY}
    assert post(env, contents[kept["image_hash"]])["reused_by"] == "bytes"
    assert scan(env, contents[purged["image_hash"]])["reused_by"] is None
    assert env.detector.calls.total() == 2


@pytest.mark.parametrize("send", [post, upload])
def test_a_purge_finds_the_content_of_a_scan_that_was_interrupted(env: MotoEnvironment, send: Any) -> None:
    request = send(env, CAT)
    env.trigger.receive()  # its message is lost
    interrupt_after_the_write_for_the_content(env, request)
    assert content_items(env) == all_content_item_keys(str(CONTENT))[:1]
    delete_and_purge(env, request)
    assert env.resources.items(IMAGES) == []
    assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


# ---------------------------------------------------------------- crashes


def interrupt_after_the_write_for_the_content(env: MotoEnvironment, request: Body) -> None:
    [key] = [each["Key"] for each in env.resources.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert request["image_hash"] in key
    env.resources.enqueue(key)
    env.transport.inject({SCAN.index("DetectLabels") + 1: InjectedFault.KILL_AFTER})
    with suppress(Killed):
        env.trigger.deliver_all()
    assert sorted(env.transport.calls) == sorted(SCAN[: SCAN.index("DetectLabels") + 2])
    env.transport.reset()


@pytest.mark.parametrize("send", [post, upload])
def test_a_scan_that_was_interrupted_after_the_write_for_the_content_is_no_copy(
    env: MotoEnvironment, send: Any
) -> None:
    request = send(env, CAT)
    env.trigger.receive()
    interrupt_after_the_write_for_the_content(env, request)
    assert get(env, request)["status"] == "pending"
    env.recover()
    body = get(env, request)
    assert (body["status"], body["reused_by"], body["scan_reused"]) == ("completed", None, False)
    assert post(env, COPY)["reused_by"] == "content"
    assert env.detector.calls == {hash_of(CAT): 1}
    env.streams.deliver_all()
    assert counts(env) == {"images": 2, "scans": 1, "bytes": 0, "content": 1}


@pytest.mark.parametrize("position", range(4))
def test_an_interrupted_submission_is_repeated_with_its_key(env: MotoEnvironment, position: int) -> None:
    calls = ["BatchGetItem", "GetItem", "UpdateItem", "PutItem"]
    key = {"headers": {"Idempotency-Key": "a"}}
    scan(env)
    env.transport.inject({position: InjectedFault.KILL_AFTER})
    with pytest.raises(Killed):
        post(env, COPY, key)
    assert env.transport.calls == calls[: position + 1]
    env.transport.reset()
    body = post(env, COPY, key)
    assert (body["status"], body["reused_by"]) == ("completed", "content")
    assert post(env, COPY, key) == get(env, body) == body
    assert post(env, COPY)["reused_by"] == "bytes"
    assert env.detector.calls.total() == 1


# ---------------------------------------------------------------- counters


def counts(env: MotoEnvironment) -> Body:
    stats = ApiResponse(env.functions.invoke("StatsFunction", proxy_event("GET"))).body
    assert stats["scans_avoided"] == sum(stats["scans_avoided_by"].values())
    assert stats["by_feature"]["labels"]["scans_avoided_by"] == stats["scans_avoided_by"]
    return {"images": stats["images"], "scans": stats["scans"], **stats["scans_avoided_by"]}


def test_a_copy_counts_as_an_image_and_as_an_avoided_scan(env: MotoEnvironment) -> None:
    scan(env)
    post(env, CAT)
    for content in SAME.values():
        upload(env, content)
    env.recover()
    post(env, COPY)
    env.streams.deliver_all()
    assert counts(env) == {"images": 1 + len(SAME), "scans": 1, "bytes": 2, "content": len(SAME)}
    assert len(env.bus.details) == 3 + len(SAME)


# ---------------------------------------------------------------- ownership


@pytest.mark.parametrize("send", [post, upload])
def test_the_scan_of_another_owner_appears_as_an_own_one(env: MotoEnvironment, send: Any) -> None:
    anns = scan(env, CAT, ANN)
    env.pass_time(MINUTE)
    received_at = env.clock.now
    request = send(env, COPY, BOB)
    env.trigger.deliver_all()
    bobs = get(env, request, BOB)
    assert (bobs["status"], bobs["label_matched"]) == ("completed", True)
    assert (bobs["scan_reused"], bobs["reused_by"], bobs["content_hash"]) == (False, None, CONTENT)
    assert bobs["scanned_at"] == bobs["completed_at"] == iso_time(received_at)
    debug = env.functions.get(request["request_id"], {"debugData": "true"}, **BOB).body["debug_data"]
    assert debug["scanned_for"] == request["request_id"]
    assert anns["request_id"] not in str(bobs | debug)
    assert anns["scanned_at"] not in str(bobs | debug)
    assert env.detector.calls.total() == 1
    assert post(env, SAME["XMP added"], ANN)["reused_by"] == "content"


def test_a_content_that_both_owners_sent_is_reused_for_each(env: MotoEnvironment) -> None:
    scan(env, CAT, ANN)
    post(env, COPY, BOB)
    again = post(env, COPY, BOB)
    assert (again["scan_reused"], again["reused_by"]) == (True, "bytes")
    assert post(env, COPY, ANN)["reused_by"] is None  # it was copied for Bob, so that Ann's copy appears as her scan
