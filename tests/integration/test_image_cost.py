"""Billable units per distinct image, counted with the real handlers."""

from benchmarks.workloads import OWNER, in_batches, one_at_a_time
from testing.moto_environment import MotoEnvironment


def test_a_single_image_uses_the_documented_units(env: MotoEnvironment) -> None:
    """One more unit means that an item has exceeded 1 KB, or that an additional index is written."""
    steps = one_at_a_time(env, distinct=10)
    post, scan, event, get = (steps[name] for name in ("POST", "scan", "event", "GET"))
    assert (post["dynamodb.write"], post["dynamodb.read"], post["s3.put"]) == (3, 1, 1)
    assert (scan["dynamodb.write"], scan["dynamodb.read"], scan["s3.get"], scan["sqs.requests"]) == (4, 1.5, 2, 1.2)
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
    assert (post["dynamodb.write"], scan["dynamodb.write"], get["dynamodb.write"]) == (3, 4, 0)
    assert (post["dynamodb.read"], scan["s3.get"], get["dynamodb.read"]) == (4, 2, 3)


def test_possession_uses_the_documented_units(env: MotoEnvironment) -> None:
    """Without authentication, none of them is used."""
    steps = one_at_a_time(env, distinct=10, caller=OWNER)
    post, scan, get = (steps[name] for name in ("POST", "scan", "GET"))
    assert (post["dynamodb.write"], post["dynamodb.read"]) == (5, 2)
    assert (scan["dynamodb.write"], scan["dynamodb.read"]) == (4, 2.5)
    assert (get["dynamodb.read"], get["dynamodb.write"]) == (1, 0)
