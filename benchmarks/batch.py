"""Row 6: how long a batch of ten images takes, against one call of Rekognition."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import boto3

from benchmarks.answers import LABELS
from benchmarks.environment import Environment
from benchmarks.figure import Figure
from benchmarks.loopback import loopback
from benchmarks.queue import BATCH_SIZE, announced, event, failed_in
from benchmarks.served import rekognition
from tools.env import REGION

LATENCY_MS = 300
RUNS, WARMING = 15, 2


def measure() -> Iterator[Figure]:
    """Batches of distinct images and bare calls by turns; medians."""
    with (
        loopback() as aws,
        rekognition(aws, LABELS, LATENCY_MS) as (detector, control),
        Environment("ScannerFunction", detector) as scanner,
    ):
        call = _bare_call(detector)
        took = [(_seconds(scanner, run * BATCH_SIZE), _timed(call)) for run in range(RUNS + WARMING)]
        if control.calls()["succeeded"] != len(took) * (BATCH_SIZE + 1):
            raise RuntimeError(f"Rekognition was to look at every image once: {control.calls()}")
    batch, bare = (median(each) * 1000 for each in zip(*took[WARMING:], strict=True))
    yield Figure(6, "a batch of 10 images over a bare call of Rekognition", batch, bare, 1.15, "ms")


def _bare_call(rekognition_url: str) -> Callable[[], object]:
    session: Any = boto3.Session("test", "test", region_name=REGION)
    client = session.client("rekognition", endpoint_url=rekognition_url)
    where = {"S3Object": {"Bucket": "pictures", "Name": f"images/{0:064x}.png"}}
    return lambda: client.detect_labels(Image=where)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _seconds(scanner: Environment, first: int) -> float:
    invoked = scanner.invoke(event([announced(first + at) for at in range(BATCH_SIZE)]))
    if failed_in(invoked.result):
        raise RuntimeError(f"not every image was scanned: {invoked.result}")
    return invoked.wall
