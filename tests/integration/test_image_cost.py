"""Billable units per distinct image, counted with the real handlers."""

from base64 import b64encode

from benchmarks.capacity import item_bytes
from benchmarks.sample_photos import detected_labels, photo
from benchmarks.workloads import OWNER, in_batches, one_at_a_time
from testing.image_variants import with_comment
from testing.moto_environment import MotoEnvironment, hash_of
from testing.resources import IMAGES, REQUESTS

WRITE_UNIT_BYTES = 1024


def test_a_single_image_uses_the_documented_units(env: MotoEnvironment) -> None:
    """One more unit means that an item has exceeded 1 KB, or that an additional index is written."""
    steps = one_at_a_time(env, distinct=10)
    post, scan, event, get = (steps[name] for name in ("POST", "scan", "event", "GET"))
    assert (post["dynamodb.write"], post["dynamodb.read"], post["s3.put"]) == (3, 2, 1)
    assert (scan["dynamodb.write"], scan["dynamodb.read"], scan["s3.get"], scan["sqs.requests"]) == (6, 1.5, 2, 1.2)
    assert (event["eventbridge.events"], event["lambda.requests"], event["dynamodb.write"]) == (1, 0.2, 0.4)
    assert (get["dynamodb.read"], get["dynamodb.write"]) == (1, 0)
    assert sum(step["logs.bytes"] for step in steps.values()) < 1600


def test_an_image_of_a_batch_uses_the_documented_units(env: MotoEnvironment) -> None:
    """The items also contain the idempotency key and the upload flag, and still fit into one write unit.

    A submission by hash reads the items of all features, because the image may have been scanned for another one.
    """
    steps = in_batches(env, distinct=100)
    post, scan, get = (steps[name] for name in ("POST", "scan", "GET"))
    assert (post["api.rest"], steps["upload"]["s3.put"], get["api.rest"]) == (0.04, 1, 0.02)
    assert (post["dynamodb.write"], scan["dynamodb.write"], get["dynamodb.write"]) == (3, 6, 0)
    assert (post["dynamodb.read"], scan["s3.get"], get["dynamodb.read"]) == (4, 2, 3)


def test_possession_uses_the_documented_units(env: MotoEnvironment) -> None:
    """Without authentication, none of them is used."""
    steps = one_at_a_time(env, distinct=10, caller=OWNER)
    post, scan, get = (steps[name] for name in ("POST", "scan", "GET"))
    assert (post["dynamodb.write"], post["dynamodb.read"]) == (5, 3)
    assert (scan["dynamodb.write"], scan["dynamodb.read"]) == (6, 2.5)
    assert (get["dynamodb.read"], get["dynamodb.write"]) == (1, 0)


def test_each_item_of_a_copied_scan_uses_one_write_unit(env: MotoEnvironment) -> None:
    """They also contain the hash of the content, the time of the scan, the idempotency key and a reference."""
    env.detector.labels[hash_of(photo(0))] = detected_labels(0)
    for content in (photo(0), with_comment(photo(0))):
        body = {"file": b64encode(content).decode(), "fileType": "image/jpeg", "reference": "photo-0001.jpg"}
        env.functions.post(body, headers={"Idempotency-Key": hash_of(content)})
        env.trigger.deliver_all()
    requests, images = env.resources.items(REQUESTS), env.resources.items(IMAGES)
    [copy] = [item for item in images if "origin_at" in item]
    [answered] = [item for item in requests if item["image_hash"] == copy["image_hash"]]
    [content_item] = [item for item in images if "scanned_hash" in item]
    sizes = {"content": item_bytes(content_item), "copy": item_bytes(copy), "request": item_bytes(answered)}
    assert max(sizes.values()) <= WRITE_UNIT_BYTES, sizes
