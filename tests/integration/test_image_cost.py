"""What AWS would charge for one distinct image, counted on the real handlers."""

from benchmarks.workloads import many_at_once, one_by_one
from testing.moto_environment import MotoEnvironment


def test_a_distinct_image_uses_what_docs_performance_says(env: MotoEnvironment) -> None:
    """One unit more means that a item has outgrown 1 KB, or that an index is written anew."""
    steps = one_by_one(env, distinct=10)
    post, scan, event, get = (steps[name] for name in ("POST", "scan", "event", "GET"))
    assert (post["dynamodb.write"], post["dynamodb.read"], post["s3.put"]) == (3, 1, 1)
    assert (scan["dynamodb.write"], scan["dynamodb.read"], scan["s3.get"], scan["sqs.requests"]) == (4, 0.5, 2, 1.2)
    assert (event["eventbridge.events"], event["lambda.requests"], event["dynamodb.write"]) == (1, 0.2, 0.4)
    assert (get["dynamodb.read"], get["dynamodb.write"]) == (1, 0)
    assert sum(step["logs.bytes"] for step in steps.values()) < 1600


def test_an_image_among_many_uses_what_docs_performance_says(env: MotoEnvironment) -> None:
    """The key and the word that its upload is awaited are in the item, too, and fit into its unit."""
    steps = many_at_once(env, distinct=100)
    post, scan, get = (steps[name] for name in ("POST", "scan", "GET"))
    assert (post["api.rest"], steps["upload"]["s3.put"], get["api.rest"]) == (0.04, 1, 0.02)
    assert (post["dynamodb.write"], scan["dynamodb.write"], get["dynamodb.write"]) == (3, 4, 0)
    assert (post["dynamodb.read"], scan["s3.get"], get["dynamodb.read"]) == (2, 2, 2)
