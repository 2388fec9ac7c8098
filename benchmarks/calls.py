"""Row 4: calls to AWS as they go over the wire, exactly."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.figure import Figure
from tests.integration.functions import picture
from tests.integration.messages import body_of, response
from tests.integration.resources import REQUESTS
from tests.integration.test_call_counts import KEY, submitted
from tests.integration.wire import Wire
from tests.integration.world import World, hash_of
from tests.integration.worlds import attached_sdk, world_of

WAITING = (1, 10, 100, 10_000)
ROWS_A_CALL = 25

type Case = tuple[str, Callable[[World], int], int]
"""What it measures, the case itself, and the calls expected beside those for further pages, which the case returns."""


class QuickWire(Wire):
    """Takes transactions without moto, which would copy all of its tables for each, the 10,000 rows among them."""

    settled: set[str]

    def _once(self, event_name: str, request: AWSPreparedRequest) -> AWSResponse | None:  # noqa: ARG002 - as Wire has it
        updates = [each["Update"] for each in json.loads(body_of(request))["TransactItems"]]
        self.settled |= {update["Key"]["request_id"]["S"] for update in updates}
        return response(request, 200, b"{}")


def measure(waiting: Sequence[int] = WAITING) -> Iterator[Figure]:
    """What each use case costs, and a scan for each number of requests that wait for it."""
    with attached_sdk(QuickWire) as sdk:
        for metric, case, expected in [*_CASES, *_scans(waiting)]:
            with world_of(sdk) as world:
                further = case(world)
                name = f"{metric} on {further + 1} pages" if further else metric
                yield Figure(4, name, len(world.wire.calls), None, expected + further, "calls", exact=True)


def _scans(waiting: Sequence[int]) -> Iterator[Case]:
    for many in waiting:
        settling = math.ceil(many / ROWS_A_CALL)
        yield f"scan of a new image, {many:,} waiting", partial(_scan, waiting=many), 5 + settling
        yield f"duplicate's scan, {many:,} waiting", partial(_scan_again, waiting=many), 2 + settling


def _submit(world: World) -> int:
    submitted(world)
    return 0


def _submit_known(world: World) -> int:
    submitted(world)
    world.trigger.deliver_all()
    world.wire.reset()
    submitted(world)
    return 0


def _ask(world: World) -> int:
    request_id = submitted(world)
    world.wire.reset()
    world.functions.get(request_id)
    return 0


def _ask_settled(world: World) -> int:
    request_id = submitted(world)
    world.trigger.deliver_all()
    world.wire.reset()
    world.functions.get(request_id)
    return 0


def _scan(world: World, waiting: int) -> int:
    submitted(world, waiting)
    return _deliver(world, waiting)


def _scan_again(world: World, waiting: int) -> int:
    """Of an image that is scanned, and for which some wait still: their rows were written meanwhile."""
    request_id = submitted(world)
    [row] = world.resources.rows(REQUESTS)
    world.trigger.deliver_all()
    if waiting:
        world.resources.dynamodb.put_item(TableName=REQUESTS, Item=row)
        world.resources.ask_again(request_id, waiting - 1)
    world.resources.announce(KEY)
    return _deliver(world, waiting)


def _deliver(world: World, waiting: int) -> int:
    """The scanner's batches; the further pages of what waits. Raises RuntimeError unless they settle all of it."""
    pages = _pages_of_waiting(world)
    wire: Any = world.wire
    wire.reset()
    wire.settled = set()
    world.trigger.deliver_all()
    if waiting > 1 and len(wire.settled) != waiting:  # one by itself takes no transaction
        raise RuntimeError(f"{len(wire.settled)} of {waiting} waiting requests were settled.")
    return pages - 1


def _pages_of_waiting(world: World) -> int:
    """How many answers a Query for what waits takes, asked from outside: one holds a megabyte at most."""
    query = world.resources.dynamodb.get_paginator("query").paginate(
        TableName=REQUESTS,
        IndexName="waiting",
        KeyConditionExpression="waiting_for = :hash",
        ExpressionAttributeValues={":hash": {"S": hash_of(picture())}},
    )
    return sum(1 for _ in query)


_CASES: tuple[Case, ...] = (
    ("submit of a new image", _submit, 3),
    ("submit of a known image", _submit_known, 2),
    ("status", _ask, 2),
    ("status once settled", _ask_settled, 1),
    ("duplicate's scan", partial(_scan_again, waiting=0), 2),
)
