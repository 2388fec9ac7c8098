"""Row 6: how long a batch of ten images takes, against one call of Rekognition."""

from collections.abc import Iterator
from statistics import median

from benchmarks.answers import LABELS
from benchmarks.environment import Environment
from benchmarks.figure import Figure
from benchmarks.loopback import loopback
from benchmarks.queue import BATCH_SIZE, announced, event, failed_in
from benchmarks.served import rekognition

LATENCY_MS = 300
RUNS, WARMING = 15, 2


def measure() -> Iterator[Figure]:
    """The median of several batches of distinct images."""
    with (
        loopback() as aws,
        rekognition(aws, LABELS, LATENCY_MS) as (detector, _),
        Environment("ScannerFunction", detector) as scanner,
    ):
        took = [_seconds(scanner, run * BATCH_SIZE) for run in range(RUNS + WARMING)]
    yield Figure(6, "a batch of 10 images over a call's latency", median(took[WARMING:]) * 1000, LATENCY_MS, 1.15, "ms")


def _seconds(scanner: Environment, first: int) -> float:
    invoked = scanner.invoke(event([announced(first + at) for at in range(BATCH_SIZE)]))
    if failed_in(invoked.result):
        raise RuntimeError(f"not every image was scanned: {invoked.result}")
    return invoked.wall
