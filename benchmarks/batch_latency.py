"""Benchmark ``batch-latency``.

Measures: the wall time of one warm scanner batch of 10 new images, median of 15.
Baseline: one bare Rekognition call with a latency of 300 ms, alternating with the batches.
Target: a ratio of at most 1.25.
"""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import boto3

from benchmarks.execution_environment import ExecutionEnvironment
from benchmarks.fake_aws import LABELS, hash_for
from benchmarks.loopback import loopback
from benchmarks.measurement import Measurement
from benchmarks.queue import BATCH_SIZE, Message, event, failed_in, message_for
from benchmarks.server_process import rekognition
from tools.env import REGION

LATENCY_MS = 300
RUNS, WARM_UP_RUNS = 15, 2

type MakeMessage = Callable[[int], Message]


def measure() -> Iterator[Measurement]:
    """Measure a batch of images that are scanned for labels."""
    batch, bare = milliseconds(message_for)
    yield Measurement("batch-latency", "batch of 10 images", batch, bare, 1.25, "ms")


def milliseconds(make_message: MakeMessage, features: int = 1) -> tuple[float, float]:
    """Alternate batches of distinct images with bare calls, and return their medians.

    Raise RuntimeError unless each image is scanned once for each of its features.
    """
    with (
        loopback() as aws,
        rekognition(aws, LABELS, LATENCY_MS) as (detector, control),
        ExecutionEnvironment("ScannerFunction", detector) as scanner,
    ):
        call = _bare_call(detector)
        durations = [
            (_seconds(scanner, run * BATCH_SIZE, make_message), _timed(call)) for run in range(RUNS + WARM_UP_RUNS)
        ]
        if control.calls()["succeeded"] != len(durations) * (BATCH_SIZE * features + 1):
            raise RuntimeError(f"Not every image was scanned exactly once: {control.calls()}")
    batch, bare = (median(each) * 1000 for each in zip(*durations[WARM_UP_RUNS:], strict=True))
    return batch, bare


def _bare_call(rekognition_url: str) -> Callable[[], object]:
    session: Any = boto3.Session("test", "test", region_name=REGION)
    client = session.client("rekognition", endpoint_url=rekognition_url)
    image = {"S3Object": {"Bucket": "images", "Name": f"images/{hash_for(0)}.png"}}
    return lambda: client.detect_labels(Image=image)


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _seconds(scanner: ExecutionEnvironment, first: int, make_message: MakeMessage) -> float:
    invocation = scanner.invoke(event([make_message(first + at) for at in range(BATCH_SIZE)]))
    if failed_in(invocation.result):
        raise RuntimeError(f"Not every image was scanned: {invocation.result}")
    return invocation.wall_seconds
