"""What AWS would charge for one distinct image, counted on the real handlers."""

from benchmarks.dollars import counted_in
from tests.integration.world import World


def test_a_distinct_image_uses_what_docs_performance_says(world: World) -> None:
    """One unit more means that a row has outgrown 1 KB, or that an index is written anew."""
    steps = counted_in(world, distinct=10)
    post, scan, event, get = (steps[name] for name in ("POST", "scan", "event", "GET"))
    assert (post["dynamodb.write"], post["dynamodb.read"], post["s3.put"]) == (3, 1, 1)
    assert (scan["dynamodb.write"], scan["dynamodb.read"], scan["s3.get"], scan["sqs.requests"]) == (4, 0.5, 2, 1.2)
    assert (event["eventbridge.events"], event["lambda.requests"], event["dynamodb.write"]) == (1, 0.2, 0.4)
    assert (get["dynamodb.read"], get["dynamodb.write"]) == (1, 0)
    assert sum(step["logs.bytes"] for step in steps.values()) < 1600
