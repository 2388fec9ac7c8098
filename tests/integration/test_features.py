"""Requests for several features, from the API Gateway event to the items, on the resources of the template."""

import json
from base64 import b64encode
from collections import Counter
from typing import Any

import pytest

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.domain.feature import Feature, all_item_keys
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.fake_rekognition import moderation_label, text_line
from testing.functions import ApiResponse, image_bytes, proxy_event
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES, QUEUE_URL, REQUESTS

SIGN = image_bytes()
HASH = hash_of(SIGN)
ALL = {"label": "cat", "moderation": ["weapons"], "text": ["sale"], "match_mode": "all"}
OPERATIONS = ["DetectLabels", "DetectModerationLabels", "DetectText"]


@pytest.fixture
def env(env: MotoEnvironment) -> MotoEnvironment:
    """Provide an environment in which Rekognition finds a weapon and a text in the image."""
    env.detector.moderation = {
        HASH: [moderation_label("Violence"), moderation_label("Weapons", parent="Violence", level=2)]
    }
    env.detector.text = {HASH: text_line("Big SALE", 99.0)}
    return env


def post(env: MotoEnvironment, **fields: Any) -> dict[str, Any]:
    response = env.functions.post({"file": b64encode(SIGN).decode(), "fileType": "image/png", **fields})
    assert response.status in (200, 202), response.body
    body: dict[str, Any] = response.body
    return body


def post_hash(env: MotoEnvironment, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = env.functions.post(
        {"sha256": HASH, "size": len(SIGN), "fileType": "image/png", **fields}
    ).body
    return body


def invoke(env: MotoEnvironment, function: str, method: str = "GET", **event: Any) -> ApiResponse:
    return ApiResponse(env.functions.invoke(function, proxy_event(method) | event))


def test_a_request_for_three_features_is_scanned_in_one_delivery(env: MotoEnvironment) -> None:
    request_id = post(env, **ALL)["request_id"]
    env.transport.reset()
    assert env.trigger.deliver() == 1
    assert Counter(env.transport.calls) == {
        "GetObject": 1,
        "GetItem": 1,
        "UpdateItem": 13,  # for each feature, two leases and two results, of the image and of its content; the answer
        "DetectLabels": 1,
        "DetectModerationLabels": 1,
        "DetectText": 1,
        "Query": 1,
    }
    env.transport.reset()
    body = env.functions.get(request_id).body
    assert env.transport.calls == ["GetItem"]
    assert (body["status"], body["label_matched"], body["features"]) == (
        "completed",
        True,
        ["labels", "moderation", "text"],
    )
    assert [(result["feature"], result["matched"]) for result in body["results"]] == [
        ("labels", True),
        ("moderation", True),
        ("text", True),
    ]
    assert [label["taxonomy_level"] for label in body["moderation"]["labels"]] == [1, 2]
    assert [word["text"] for word in body["text"]["lines"][0]["words"]] == ["Big", "SALE"]


def test_a_pending_request_reads_the_items_of_its_features_in_one_call(env: MotoEnvironment) -> None:
    request_id = post(env, **ALL)["request_id"]
    env.transport.reset()
    assert env.functions.get(request_id).body["status"] == "pending"
    assert env.transport.calls == ["GetItem", "BatchGetItem"]


def test_each_feature_of_an_image_is_paid_once_however_often_it_is_requested(env: MotoEnvironment) -> None:
    for fields in ({"label": "cat"}, {"text": ["sale"]}, {"label": "dog", "text": ["exit"]}, ALL, ALL):
        post(env, **fields)
        env.trigger.deliver_all()
    assert sorted(env.detector.operations) == OPERATIONS
    assert {request["status"] for request in env.requests()} == {"completed"}


def test_a_request_by_hash_for_another_feature_needs_no_upload(env: MotoEnvironment) -> None:
    post(env, label="cat")
    env.trigger.deliver_all()
    env.transport.reset()
    body = post_hash(env, text=["sale"])
    # the bytes are those of a direct upload, or else posted ones
    assert env.transport.calls == ["BatchGetItem", "CopyObject", "CopyObject", "PutItem"]
    assert (body["status"], body["upload"]) == ("pending", None)
    env.trigger.deliver_all()
    answered = env.functions.get(body["request_id"]).body
    assert (answered["status"], answered["label_matched"], answered["scan_reused"]) == ("completed", True, False)
    assert env.detector.operations == ["DetectLabels", "DetectText"]


def test_a_request_by_hash_needs_an_upload_if_the_bytes_are_gone(env: MotoEnvironment) -> None:
    post(env, label="cat")
    env.trigger.deliver_all()
    for version in env.resources.s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        env.resources.s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    body = post_hash(env, text=["sale"])
    assert body["upload"]["url"]
    env.upload(SIGN, body)
    env.trigger.deliver_all()
    assert env.functions.get(body["request_id"]).body["status"] == "completed"


@pytest.mark.parametrize("failing", OPERATIONS)
def test_an_error_in_one_feature_neither_repeats_nor_delays_the_others(env: MotoEnvironment, failing: str) -> None:
    request_id = post(env, **ALL)["request_id"]
    env.transport.fail(failing, "ThrottlingException", times=1)
    env.trigger.deliver()
    assert env.functions.get(request_id).body["status"] == "pending"
    finished = {item["image_hash"]["S"] for item in env.resources.items(IMAGES) if "finished_at" in item}
    assert len(finished) == 4  # the items of two features, of the image and of its content
    env.recover()
    assert env.functions.get(request_id).body["status"] == "completed"
    assert sorted(env.detector.operations) == OPERATIONS  # the throttled call did not reach the detector


def test_a_lost_message_is_requeued_for_the_feature_that_is_missing(env: MotoEnvironment) -> None:
    request_id = post(env, **ALL)["request_id"]
    env.transport.fail("DetectText", "ThrottlingException", times=1)
    env.trigger.deliver()
    env.trigger.expire_visibility_timeouts()
    env.resources.delete_messages()
    env.clock.now += 11 * 60
    assert env.functions.sweep()["requeued"] == 1
    env.trigger.deliver_all()
    assert env.functions.get(request_id).body["status"] == "completed"
    assert sorted(env.detector.operations) == OPERATIONS


def test_a_rejected_image_fails_each_request_with_its_first_feature(env: MotoEnvironment) -> None:
    env.detector.unreadable = {HASH}
    both, only_text = post(env, **ALL)["request_id"], post(env, text=["sale"])["request_id"]
    env.trigger.deliver_all()
    failures = [env.functions.get(request_id).body["failure"] for request_id in (both, only_text)]
    assert [(each["code"], each["feature"]) for each in failures] == [
        ("image_invalid", "labels"),
        ("image_invalid", "text"),
    ]
    assert failures[1]["message"].startswith("Feature 'text': ")


def test_a_follow_up_question_about_another_feature_is_a_conflict(env: MotoEnvironment) -> None:
    request_id = post(env, label="cat")["request_id"]
    env.trigger.deliver_all()
    event = {"pathParameters": {"request_id": request_id}, "body": json.dumps({"text": ["sale"]})}
    response = invoke(env, "AskFollowUpFunction", "POST", **event)
    assert (response.status, response.body["code"]) == (409, "feature_not_scanned")
    assert env.detector.operations == ["DetectLabels"]


def test_lists_are_filtered_by_feature(env: MotoEnvironment) -> None:
    ids = [post(env, **fields)["request_id"] for fields in ({"label": "cat"}, {"text": ["sale"]}, ALL)]
    found = {
        feature: {
            each["request_id"]
            for each in invoke(env, "ListRequestsFunction", queryStringParameters={"feature": feature}).body["requests"]
        }
        for feature in Feature
    }
    assert found == {
        Feature.LABELS: {ids[0], ids[2]},
        Feature.MODERATION: {ids[2]},
        Feature.TEXT: {ids[1], ids[2]},
    }
    rejected = invoke(env, "ListRequestsFunction", queryStringParameters={"feature": "faces"})
    assert (rejected.status, rejected.body["code"]) == (400, "invalid_feature")


def test_events_and_statistics_name_the_features(env: MotoEnvironment) -> None:
    post(env, **ALL)
    env.trigger.deliver_all()
    post(env, text=["exit"])
    env.streams.deliver_all()
    assert [(detail["features"], detail["text_asked"]) for detail in env.bus.details] == [
        (["labels", "moderation", "text"], ["sale"]),
        (["text"], ["exit"]),
    ]
    stats = invoke(env, "StatsFunction").body
    assert (stats["images"], stats["scans"], stats["scans_avoided"]) == (3, 3, 1)
    assert stats["by_feature"] == {
        "labels": {"images": 1, "scans": 1, "scans_avoided": 0, "scans_avoided_by": {"bytes": 0, "content": 0}},
        "moderation": {"images": 1, "scans": 1, "scans_avoided": 0, "scans_avoided_by": {"bytes": 0, "content": 0}},
        "text": {"images": 1, "scans": 1, "scans_avoided": 1, "scans_avoided_by": {"bytes": 1, "content": 0}},
    }


def test_a_deletion_purges_the_objects_and_the_items_of_all_features(env: MotoEnvironment) -> None:
    ids = [post(env, **fields)["request_id"] for fields in ({"label": "cat"}, ALL)]
    env.trigger.deliver_all()
    for request_id in ids:
        env.functions.delete(request_id)
    env.pass_time(PURGE_DELAY_SECONDS + 60)
    env.functions.purge()
    assert env.resources.items(IMAGES) == []
    assert env.resources.s3.list_object_versions(Bucket=BUCKET).get("Versions", []) == []


# ---------------------------------------------------------------- items


def stored_items(images: ImagesTable) -> list[Image]:
    """Store the results of all features of the image, and return their items."""
    for key, feature in zip(all_item_keys(HASH), Feature, strict=True):
        images.finish(key, Scan(Status.COMPLETED, 1010.0, (), "3.0", scanned_for="r", feature=feature))
    return list(images.get_many(all_item_keys(HASH)).values())


def test_the_items_of_all_features_are_deleted_in_one_transaction(env: MotoEnvironment) -> None:
    images = ImagesTable(clients.dynamodb(), IMAGES)
    read = stored_items(images)
    env.transport.reset()
    assert images.remove(read, 2000)
    assert (env.transport.calls, env.resources.items(IMAGES)) == (["TransactWriteItems"], [])


@pytest.mark.parametrize("change", ["a mark", "a lease", "an exhaustion"])
def test_no_item_of_an_image_is_deleted_if_one_of_them_changed(env: MotoEnvironment, change: str) -> None:
    images = ImagesTable(clients.dynamodb(), IMAGES)
    images.finish(HASH, Scan(Status.COMPLETED, 1010.0, (), "3.0"))
    text = all_item_keys(HASH)[2]
    images.lease(text, "delivery", 1000, 1090, 5)
    images.release(text, "delivery", refund=False)
    read = list(images.get_many(all_item_keys(HASH)).values())
    assert len(read) == 2
    if change == "a mark":
        images.mark_for_purge(HASH, 1500)
    elif change == "a lease":
        images.lease(text, "another", 1500, 2500, 5)
    else:
        [leased] = [item for item in read if item.key == text]
        images.exhaust(leased, 1500)
    assert not images.remove(read, 2000)
    assert len(env.resources.items(IMAGES)) == 2


def test_a_finished_request_is_not_affected_by_a_late_copy_of_its_message(env: MotoEnvironment) -> None:
    request_id = post(env, text=["sale"])["request_id"]
    env.trigger.deliver_all()
    env.resources.enqueue(f"uploads/{request_id}/{HASH}.png")
    env.trigger.deliver_all()
    assert (env.detector.operations, env.resources.depth(QUEUE_URL)) == (["DetectText"], 0)
    assert [item["status"]["S"] for item in env.resources.items(REQUESTS)] == ["completed"]
