"""Benchmark ``call-counts``.

Measures: the AWS calls of each use case, counted on the transport, with 1 to 10,000 pending requests per image.
Baseline: none.
Target: exactly the documented number of calls.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.measurement import Measurement
from testing.functions import image_bytes
from testing.image_variants import with_text_chunk
from testing.moto_environment import MotoEnvironment
from testing.moto_environments import attached_sdk, moto_environment
from testing.preparation import enqueue_scanned_image, submit_image
from testing.recording_transport import RecordingTransport
from testing.wire_messages import body_bytes, response

PENDING = (1, 10, 100, 10_000)
ITEMS_PER_TRANSACTION = 25
ITEMS_PER_PAGE = 2000  # a page of the index has 1 MB, which is enough for 2,000 items of up to 500 bytes

type Case = tuple[str, Callable[[MotoEnvironment], None], int]
"""The metric, the case, and the expected number of calls."""


class FastTransport(RecordingTransport):
    """Answer transactions without moto, which copies all of its tables, with 10,000 items, for each of them."""

    settled: set[str]

    def execute_once(self, event_name: str, request: AWSPreparedRequest) -> AWSResponse | None:  # noqa: ARG002 - the overridden signature
        updates = [each["Update"] for each in json.loads(body_bytes(request))["TransactItems"]]
        self.settled |= {update["Key"]["request_id"]["S"] for update in updates}
        return response(request, 200, b"{}")


def measure(pending: Sequence[int] = PENDING) -> Iterator[Measurement]:
    """Count the calls of each use case, and of a scan for each number of pending requests."""
    with attached_sdk(FastTransport) as sdk:
        for metric, case, expected in [*_CASES, *_scans(pending)]:
            with moto_environment(sdk) as env:
                case(env)
                yield Measurement("call-counts", metric, len(env.transport.calls), None, expected, "calls", exact=True)


def _scans(pending: Sequence[int]) -> Iterator[Case]:
    for count in pending:
        further_pages = math.ceil(count / ITEMS_PER_PAGE) - 1
        settling = math.ceil(count / ITEMS_PER_TRANSACTION) + further_pages
        yield f"scan of a new image, {count:,} pending", partial(_scan, pending=count), 8 + settling
        yield f"scan of a duplicate, {count:,} pending", partial(_scan_duplicate, pending=count), 2 + settling


def _submit_new(env: MotoEnvironment) -> None:
    submit_image(env)


def _submit_known(env: MotoEnvironment) -> None:
    submit_image(env)
    env.trigger.deliver_all()
    env.transport.reset()
    submit_image(env)


def _submit_known_content(env: MotoEnvironment) -> None:
    """Post a file whose content was scanned in another file."""
    submit_image(env)
    env.trigger.deliver_all()
    env.transport.reset()
    env.functions.submit(with_text_chunk(image_bytes()))


def _scan_known_content(env: MotoEnvironment) -> None:
    """Scan a file whose content was scanned in another file since it was submitted."""
    env.functions.submit(with_text_chunk(image_bytes()))
    copied = env.trigger.receive()
    submit_image(env)
    env.trigger.deliver_all()
    env.transport.reset()
    env.functions.scan(*copied)


def _get_pending(env: MotoEnvironment) -> None:
    request_id = submit_image(env)
    env.transport.reset()
    env.functions.get(request_id)


def _get_settled(env: MotoEnvironment) -> None:
    request_id = submit_image(env)
    env.trigger.deliver_all()
    env.transport.reset()
    env.functions.get(request_id)


def _scan(env: MotoEnvironment, pending: int) -> None:
    submit_image(env, pending)
    _deliver(env, pending)


def _scan_duplicate(env: MotoEnvironment, pending: int) -> None:
    enqueue_scanned_image(env, pending)
    _deliver(env, pending)


def _deliver(env: MotoEnvironment, pending: int) -> None:
    """Deliver all messages to the scanner. Raise RuntimeError unless that settles all pending requests."""
    transport: Any = env.transport
    transport.reset()
    transport.settled = set()
    env.trigger.deliver_all()
    if pending > 1 and len(transport.settled) != pending:  # a single request needs no transaction
        raise RuntimeError(f"{len(transport.settled)} of {pending} pending requests were settled.")


_CASES: tuple[Case, ...] = (
    ("submit a new image", _submit_new, 3),
    ("submit a known image", _submit_known, 2),
    ("submit a new image with known content", _submit_known_content, 3),
    ("scan of a new image with known content", _scan_known_content, 7),
    ("get status, pending", _get_pending, 2),
    ("get status, settled", _get_settled, 1),
    ("scan of a duplicate, none pending", partial(_scan_duplicate, pending=0), 2),
)
