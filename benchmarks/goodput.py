"""Row 8: what comes through Rekognition's limit when ten times as much is offered."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.answers import LABELS
from benchmarks.environment import Environment
from benchmarks.figure import Figure
from benchmarks.loopback import loopback
from benchmarks.queue import Queue, announced, event, failed_in
from benchmarks.served import rekognition
from local.control import RekognitionControl
from testing.resources import TEMPLATE

LIMIT = 50  # calls a second
OFFERED = 10 * LIMIT  # images a second
SECONDS = 5
IMAGES = OFFERED * SECONDS
# With it the scanner's environments can make ten times the calls that the limit lets through.
LATENCY_MS = 100
ENVIRONMENTS = int(TEMPLATE.parameters["ScannerConcurrency"]["Default"])
IDLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Storm:
    """``came_through`` in ``seconds``, while the queue held something that could be received; ``calls`` in the end."""

    came_through: int
    seconds: float
    calls: dict[str, Any]
    queue: Queue


def measure() -> Iterator[Figure]:
    """The scanner's own handler in as many environments as the template lets run at once."""
    storm = _storm()
    scanned, calls = len(storm.calls["by_image"]), storm.calls["total"]
    passed = LIMIT * (1 + storm.seconds)  # the bucket is full at first
    yield Figure(
        8, "goodput under a limit of 50 calls a second", storm.came_through, passed, 0.95, "calls", at_least=True
    )
    yield Figure(8, "images lost of 500 a second", IMAGES - scanned, None, 0, exact=True)
    yield Figure(8, "dead letters of them", len(storm.queue.dead), None, 0, exact=True)
    yield Figure(8, "calls made for them", calls, IMAGES, 1.1)


def _storm() -> Storm:
    with ExitStack() as stack:
        aws = stack.enter_context(loopback())
        detector, control = stack.enter_context(rekognition(aws, LABELS, LATENCY_MS))
        environments = [stack.enter_context(Environment("ScannerFunction", detector)) for _ in range(ENVIRONMENTS)]
        for at, environment in enumerate(environments):  # a cold start is not what is measured
            environment.invoke(event([announced(IMAGES + at)]))
        control.reset()
        control.set_rate_limit(LIMIT)
        return _offer(environments, control)


def _offer(environments: list[Environment], control: RekognitionControl) -> Storm:
    began = time.monotonic()
    queue = Queue([announced(number, began + number / OFFERED) for number in range(IMAGES)])
    threads = [threading.Thread(target=_poll, args=(environment, queue)) for environment in environments]
    for thread in threads:
        thread.start()
    while queue.has_visible(time.monotonic()) or time.monotonic() < began + SECONDS:
        time.sleep(IDLE_SECONDS)
    seconds, came_through = time.monotonic() - began, int(control.calls()["succeeded"])
    for thread in threads:
        thread.join()
    return Storm(came_through, seconds, control.calls(), queue)


def _poll(environment: Environment, queue: Queue) -> None:
    """An event source's poller: a batch at a time, as soon as there is one."""
    while not queue.is_empty:
        batch = queue.receive(time.monotonic())
        if batch:
            invoked = environment.invoke(event(batch))
            queue.answer(batch, failed_in(invoked.result), invoked.delays, time.monotonic())
        else:
            time.sleep(IDLE_SECONDS)
