"""The handler of the purger: it deletes the bytes and the labels of deleted requests."""

import pytest

from imagescan.aws import clients
from imagescan.aws.image_bucket import DeletionError, ImageBucket
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing.functions import image_bytes
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import BUCKET, IMAGES

CAT = image_bytes()


def delete_images(env: MotoEnvironment, images: int) -> None:
    """Submit, scan and delete images, long enough ago for a purge. Discard the recorded calls."""
    for shade in range(images):
        request_id = env.functions.submit(image_bytes(shade)).body["request_id"]
        env.trigger.deliver_all()
        env.functions.delete(request_id)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.transport.reset()


def versions(env: MotoEnvironment) -> int:
    pages = env.resources.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    return sum(len(page.get("Versions", [])) for page in pages)


def test_a_purge_takes_one_call_for_all_versions_of_an_image(env: MotoEnvironment) -> None:
    delete_images(env, 1)
    assert env.functions.purge() == {"images_purged": 1, "failed": 0, "is_complete": True}
    assert env.transport.calls == [
        "Scan", "BatchGetItem", "Query",
        "BatchGetItem", "DeleteItem",  # the content
        "ListObjectVersions", "DeleteObjects", "DeleteItem",
    ]  # fmt: skip
    assert (versions(env), env.resources.items(IMAGES)) == (0, [])


def test_150_versions_are_deleted_in_one_call(env: MotoEnvironment) -> None:
    key = f"images/{hash_of(CAT)}.png"
    for _ in range(150):
        env.resources.s3.put_object(Bucket=BUCKET, Key=key, Body=CAT)
    assert ImageBucket(clients.s3(), BUCKET).remove(hash_of(CAT), until=9_999_999_999, covered_until=9_999_999_999)
    assert env.transport.calls == ["ListObjectVersions", "DeleteObjects"]
    assert versions(env) == 0


def test_newer_versions_are_kept(env: MotoEnvironment) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=f"images/{hash_of(CAT)}.png", Body=CAT)
    assert ImageBucket(clients.s3(), BUCKET).remove(hash_of(CAT), until=0, covered_until=0)
    assert (env.transport.calls, versions(env)) == (["ListObjectVersions"], 1)


def test_versions_that_are_too_young_are_kept_and_reported(env: MotoEnvironment) -> None:
    env.resources.s3.put_object(Bucket=BUCKET, Key=f"images/{hash_of(CAT)}.png", Body=CAT)
    assert not ImageBucket(clients.s3(), BUCKET).remove(hash_of(CAT), until=0, covered_until=9_999_999_999)
    assert versions(env) == 1


def test_a_rejected_deletion_of_a_version_is_an_error(env: MotoEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    key = f"images/{hash_of(CAT)}.png"
    env.resources.s3.put_object(Bucket=BUCKET, Key=key, Body=CAT)
    bucket = ImageBucket(clients.s3(), BUCKET)
    rejected = {"Errors": [{"Key": key, "VersionId": "v", "Code": "AccessDenied"}]}
    monkeypatch.setattr(bucket.client, "delete_objects", lambda **_: rejected)
    with pytest.raises(DeletionError, match="AccessDenied"):
        bucket.remove(hash_of(CAT), until=9_999_999_999, covered_until=9_999_999_999)


def test_a_failed_deletion_does_not_affect_other_images(env: MotoEnvironment) -> None:
    delete_images(env, 2)
    env.transport.fail("DeleteObjects", "AccessDenied", times=1)
    assert env.functions.purge() == {"images_purged": 1, "failed": 1, "is_complete": True}
    assert len(env.resources.items(IMAGES)) == versions(env) == 1
    env.transport.reset()
    assert env.functions.purge()["images_purged"] == 1


def test_recently_deleted_images_take_no_call(env: MotoEnvironment) -> None:
    delete_images(env, 1)
    env.clock.now -= 2
    assert env.functions.purge()["images_purged"] == 0
    assert env.transport.calls == ["Scan"]


def test_a_purge_without_time_reports_that_it_is_incomplete(env: MotoEnvironment) -> None:
    delete_images(env, 1)
    assert env.functions.purge(seconds=9) == {"images_purged": 0, "failed": 0, "is_complete": False}


def test_images_are_purged_although_the_sweep_fails(env: MotoEnvironment) -> None:
    delete_images(env, 1)
    env.transport.fail("SendMessageBatch", "AccessDenied")
    env.functions.sweep()
    assert env.functions.purge()["images_purged"] == 1
