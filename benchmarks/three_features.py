"""Benchmark ``three-features``.

Measures: what a request for labels, moderation and text needs: AWS calls, Rekognition calls, USD per million images
without the Rekognition fee, and the wall time of a warm scanner batch of 10 new images.
Baseline: for the cost, the same requests for labels only. For the batch, one bare Rekognition call of 300 ms.
Target: exactly the documented number of calls, a cost of at most 1.5, and a wall time of at most 1.5.
"""

from base64 import b64encode
from collections.abc import Iterator

from benchmarks.batch_latency import milliseconds
from benchmarks.cost_per_million import DISTINCT, total_cost
from benchmarks.measurement import Measurement
from benchmarks.queue import message_for_three_features
from benchmarks.workloads import THREE_FEATURES, one_at_a_time
from testing.functions import image_bytes
from testing.moto_environments import attached_sdk, moto_environment

NAME = "three-features"
SUBMIT_CALLS, SCAN_CALLS, REKOGNITION_CALLS = 3, 19, 3


def measure() -> Iterator[Measurement]:
    """Count calls, compute costs and measure batches."""
    yield from counts()
    with attached_sdk() as sdk:
        with moto_environment(sdk) as env:
            three = total_cost(one_at_a_time(env, DISTINCT, question=THREE_FEATURES))
        with moto_environment(sdk) as env:
            labels = total_cost(one_at_a_time(env, DISTINCT))
    yield Measurement(NAME, "cost, images sent one at a time", three, labels, 1.5, "USD")
    batch, bare = milliseconds(message_for_three_features, features=3)
    yield Measurement(NAME, "batch of 10 images", batch, bare, 1.5, "ms")


def counts() -> Iterator[Measurement]:
    """Count the calls for one image."""
    with attached_sdk() as sdk, moto_environment(sdk) as env:
        body = {"file": b64encode(image_bytes()).decode(), "fileType": "image/png", **THREE_FEATURES}
        env.functions.post(body)
        submitting = len(env.transport.calls)
        env.transport.reset()
        env.trigger.deliver_all()
        scanning = len(env.transport.calls)
        rekognition_calls = env.detector.calls.total()
    for metric, count, expected in (
        ("submit a new image", submitting, SUBMIT_CALLS),
        ("scan of a new image", scanning, SCAN_CALLS),
        ("Rekognition calls per image", rekognition_calls, REKOGNITION_CALLS),
    ):
        yield Measurement(NAME, metric, count, None, expected, "calls", exact=True)
