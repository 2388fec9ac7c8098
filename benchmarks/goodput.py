"""Benchmark ``goodput``.

Measures: successful scans under a Rekognition limit of 50 calls/s, with 500 images/s offered for 5 s. Also counts lost
images, dead letters and calls per image.
Baseline: the calls that the limit admits in that time. For calls per image, the number of images.
Target: a goodput of at least 0.95, no lost image, no dead letter, at most 1.1 calls per image.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.execution_environment import ExecutionEnvironment
from benchmarks.fake_aws import LABELS
from benchmarks.loopback import loopback
from benchmarks.measurement import Measurement
from benchmarks.queue import Queue, event, failed_in, message_for
from benchmarks.server_process import rekognition
from local.control import RekognitionControl
from testing.resources import TEMPLATE

LIMIT = 50  # calls a second
OFFERED = 10 * LIMIT  # images a second
SECONDS = 5
IMAGES = OFFERED * SECONDS
# With this latency, the scanner environments can make ten times the calls that the limit admits.
LATENCY_MS = 100
ENVIRONMENTS = int(TEMPLATE.parameters["ScannerConcurrency"]["Default"])
IDLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """Result of the load: ``succeeded`` scans in ``seconds`` while messages were visible, and all ``calls``."""

    succeeded: int
    seconds: float
    calls: dict[str, Any]
    queue: Queue


def measure() -> Iterator[Measurement]:
    """Run the scanner handler in as many environments as the template permits."""
    load = _load()
    scanned, calls = len(load.calls["by_image"]), load.calls["total"]
    admitted = LIMIT * (1 + load.seconds)  # the token bucket starts full
    yield Measurement(
        "goodput", "scans under a limit of 50 calls/s", load.succeeded, admitted, 0.95, "calls", at_least=True
    )
    yield Measurement("goodput", "lost images", IMAGES - scanned, None, 0, "images", exact=True)
    yield Measurement("goodput", "dead letters", len(load.queue.dead), None, 0, "messages", exact=True)
    yield Measurement("goodput", "calls per image", calls, IMAGES, 1.1, "calls")


def _load() -> Load:
    with ExitStack() as stack:
        aws = stack.enter_context(loopback())
        detector, control = stack.enter_context(rekognition(aws, LABELS, LATENCY_MS))
        environments = [
            stack.enter_context(ExecutionEnvironment("ScannerFunction", detector)) for _ in range(ENVIRONMENTS)
        ]
        for at, environment in enumerate(environments):  # exclude the cold start
            environment.invoke(event([message_for(IMAGES + at)]))
        control.reset()
        control.set_rate_limit(LIMIT)
        return _offer(environments, control)


def _offer(environments: list[ExecutionEnvironment], control: RekognitionControl) -> Load:
    started = time.monotonic()
    queue = Queue([message_for(number, started + number / OFFERED) for number in range(IMAGES)])
    threads = [threading.Thread(target=_poll, args=(environment, queue)) for environment in environments]
    for thread in threads:
        thread.start()
    while queue.has_visible(time.monotonic()) or time.monotonic() < started + SECONDS:
        time.sleep(IDLE_SECONDS)
    seconds, succeeded = time.monotonic() - started, int(control.calls()["succeeded"])
    for thread in threads:
        thread.join()
    return Load(succeeded, seconds, control.calls(), queue)


def _poll(environment: ExecutionEnvironment, queue: Queue) -> None:
    """Poll like an event source mapping: one batch at a time, as soon as messages are visible."""
    while not queue.is_empty:
        batch = queue.receive(time.monotonic())
        if batch:
            invocation = environment.invoke(event(batch))
            queue.complete(batch, failed_in(invocation.result), invocation.delays, time.monotonic())
        else:
            time.sleep(IDLE_SECONDS)
