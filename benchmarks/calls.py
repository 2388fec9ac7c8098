"""Row 4: calls to AWS as they go over the transport, exactly."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.figure import Figure
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import attached_sdk, moto_environment
from testing.recording_transport import RecordingTransport
from testing.wire_messages import body_of, response
from tests.integration.test_call_counts import announced_again, submitted

WAITING = (1, 10, 100, 10_000)
ROWS_A_CALL = 25
ROWS_A_PAGE = 2000  # a page of the index has a megabyte: were waiting rows larger than half a KB, this were missed

type Case = tuple[str, Callable[[MotoEnvironment], None], int]
"""What it measures, the case itself, and the calls expected."""


class QuickWire(RecordingTransport):
    """Takes transactions without moto, which would copy all of its tables for each, the 10,000 rows among them."""

    settled: set[str]

    def _once(self, event_name: str, request: AWSPreparedRequest) -> AWSResponse | None:  # noqa: ARG002 - as RecordingTransport has it
        updates = [each["Update"] for each in json.loads(body_of(request))["TransactItems"]]
        self.settled |= {update["Key"]["request_id"]["S"] for update in updates}
        return response(request, 200, b"{}")


def measure(waiting: Sequence[int] = WAITING) -> Iterator[Figure]:
    """What each use case costs, and a scan for each number of requests that wait for it."""
    with attached_sdk(QuickWire) as sdk:
        for metric, case, expected in [*_CASES, *_scans(waiting)]:
            with moto_environment(sdk) as env:
                case(env)
                yield Figure(4, metric, len(env.transport.calls), None, expected, "calls", exact=True)


def _scans(waiting: Sequence[int]) -> Iterator[Case]:
    for many in waiting:
        further = math.ceil(many / ROWS_A_PAGE) - 1
        settling = math.ceil(many / ROWS_A_CALL) + further
        yield f"scan of a new image, {many:,} waiting", partial(_scan, waiting=many), 5 + settling
        yield f"duplicate's scan, {many:,} waiting", partial(_scan_again, waiting=many), 2 + settling


def _submit(env: MotoEnvironment) -> None:
    submitted(env)


def _submit_known(env: MotoEnvironment) -> None:
    submitted(env)
    env.trigger.deliver_all()
    env.transport.reset()
    submitted(env)


def _ask(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.transport.reset()
    env.functions.get(request_id)


def _ask_settled(env: MotoEnvironment) -> None:
    request_id = submitted(env)
    env.trigger.deliver_all()
    env.transport.reset()
    env.functions.get(request_id)


def _scan(env: MotoEnvironment, waiting: int) -> None:
    submitted(env, waiting)
    _deliver(env, waiting)


def _scan_again(env: MotoEnvironment, waiting: int) -> None:
    announced_again(env, waiting)
    _deliver(env, waiting)


def _deliver(env: MotoEnvironment, waiting: int) -> None:
    """The scanner's batches. Raises RuntimeError unless they settle all that waits."""
    transport: Any = env.wire
    transport.reset()
    transport.settled = set()
    env.trigger.deliver_all()
    if waiting > 1 and len(transport.settled) != waiting:  # one by itself takes no transaction
        raise RuntimeError(f"{len(transport.settled)} of {waiting} waiting requests were settled.")


_CASES: tuple[Case, ...] = (
    ("submit of a new image", _submit, 3),
    ("submit of a known image", _submit_known, 2),
    ("status", _ask, 2),
    ("status once settled", _ask_settled, 1),
    ("duplicate's scan", partial(_scan_again, waiting=0), 2),
)
