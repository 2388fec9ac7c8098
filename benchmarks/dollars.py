"""Row 11: what a million distinct images cost beside Rekognition's fee, from counted calls and a dated list of prices.

A distinct image is one POST, its scan, its settling, its event, and one GET once it is settled.
"""

import gzip
import json
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from benchmarks.bill import Charge, bill, prices, total
from benchmarks.figure import Figure
from benchmarks.meter import SECONDS, Meter, Units
from benchmarks.photograph import photograph, seen
from imagescan.aws.table_stream import ended_in
from local import paths
from tests.integration.functions import BATCH_SIZE, proxy_event
from tests.integration.resources import IMAGES, REQUESTS, TEMPLATE
from tests.integration.world import World
from tests.integration.worlds import attached_sdk, world_of

MILLION = 1_000_000
TARGET = 17
DISTINCT = 100
"""Images that are counted: as many as a batch of the requests' stream holds, and ten full batches of the queue."""

CALLS_OF_A_SCAN = ("UpdateItem", "HeadObject", "DetectLabels", "UpdateItem", "Query", "UpdateItem")
HEADERS_OF_API_GATEWAY = 400  # bytes; beside those that a function sets: date, ids, and the frames around them
TRACE = "Root=1-6921b0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"  # as each invocation has one
CALLER = {"identity": {"caller": "AIDACKCEVSQ6C2EXAMPLE", "userArn": "arn:aws:iam::123456789012:user/caller"}}


def measure() -> Iterator[Figure]:
    """One figure; what it is made of is written beside the other figures."""
    steps = counted()
    made = paths.ROOT / "artefacts" / "bench"
    made.mkdir(parents=True, exist_ok=True)
    (made / "dollars.json").write_text(json.dumps(as_json(steps), indent=1) + "\n")
    yield Figure(11, "dollars for a million distinct images", dollars(steps), None, TARGET, "USD")


def counted(distinct: int = DISTINCT) -> dict[str, Units]:
    """What one image uses in each step, as the mean of so many of them, a multiple of ten."""
    with attached_sdk() as sdk, world_of(sdk) as world:
        return counted_in(world, distinct)


def counted_in(world: World, distinct: int) -> dict[str, Units]:
    """The same in a world that is there already, and empty."""
    world.functions.overrides["_X_AMZN_TRACE_ID"] = TRACE
    meter = Meter(world)
    _warm_up(meter)
    pictures = [photograph(number) for number in range(distinct)]
    world.detector.shows |= {sha256(each).hexdigest(): seen(number) for number, each in enumerate(pictures)}
    steps = {
        "POST": _asked(meter, pictures),
        "scan": _scanned(meter, distinct),
        "event": _announced(meter, distinct),
        "GET": _answered(meter),
    }
    return {step: Counter({name: amount / distinct for name, amount in units.items()}) for step, units in steps.items()}


def bills(steps: dict[str, Units]) -> dict[str, list[Charge]]:
    """The bill of each step for a million images."""
    listed = prices()
    return {
        step: bill({name: amount * MILLION for name, amount in units.items()}, listed) for step, units in steps.items()
    }


def dollars(steps: dict[str, Units]) -> float:
    """All that a million images cost."""
    return sum(map(total, bills(steps).values()))


def otherwise(steps: dict[str, Units]) -> dict[str, float]:
    """What a million images cost where something is other than it is by default or was assumed."""
    listed, all_of_it = prices(), dollars(steps)
    get, post = (total(bills(steps)[step]) for step in ("GET", "POST"))
    post_itself = sum(listed[name].of(MILLION) for name in ("api.rest", "lambda.requests"))
    http = 2 * (listed["api.rest"].of(MILLION) - listed["api.http"].of(MILLION))
    return {
        "each further GET, which is a poll": get,
        "the event tells the answer, nobody asks by GET": all_of_it - get,
        "an HTTP API in place of the REST API, pictures posted up to 380 KB": all_of_it - http,
        "both": all_of_it - get - http / 2,
        "25 entries to a POST": all_of_it - post_itself * 24 / 25,
        "a picture that is known already, POST alone": post - listed["s3.put"].of(MILLION),
        "a trickle, each picture scanned by itself": all_of_it + _alone(steps["scan"]),
    }


def _alone(units: Units) -> float:
    """What the scan of a picture costs more that comes in no batch: the function waits for it alone."""
    waiting = sum(SECONDS[call] for call in CALLS_OF_A_SCAN) * (1 - 1 / BATCH_SIZE)
    more = {
        "lambda.requests": units["lambda.requests"] * (BATCH_SIZE - 1),
        "lambda.gb_seconds": waiting * int(TEMPLATE.setting("ScannerFunction", "MemorySize")) / 1024,
        "sqs.requests": 2 * (1 - 1 / BATCH_SIZE),
    }
    return total(bill({name: amount * MILLION for name, amount in more.items()}, prices()))


def as_json(steps: dict[str, Units]) -> dict[str, Any]:
    """The bill for programs; units are those of a million images."""
    charges = {
        step: {"usd": total(of_step), "charges": [[each.what, each.units, each.usd] for each in of_step]}
        for step, of_step in bills(steps).items()
    }
    return {"steps": charges, "otherwise": otherwise(steps)}


def _asked(meter: Meter, pictures: list[bytes]) -> Units:
    bodies = [{"file": b64encode(each).decode(), "fileType": "image/jpeg", "label": "cat"} for each in pictures]
    units, answers = _called(meter, "SubmitFunction", [_event("POST", json.dumps(body)) for body in bodies])
    meter.world.functions.accepted[:] = [json.loads(answer["body"])["request_id"] for answer in answers]
    return units


def _scanned(meter: Meter, distinct: int) -> Units:
    """S3 sends each image's message; Lambda receives and deletes them by batches, which are full."""
    units = meter.units("ScannerFunction", meter.world.trigger.deliver_all, at_once=BATCH_SIZE)
    return units + Counter({"sqs.requests": distinct + 2 * distinct / BATCH_SIZE})


def _announced(meter: Meter, distinct: int) -> Units:
    """A batch of each table's stream. Lambda reads streams for nothing, and its filter leaves out what is pending."""
    units: Units = Counter()
    for table in (REQUESTS, IMAGES):
        records = meter.world.streams.records(table)
        event = {"Records": [each for each in records if ended_in({"Records": [each]})][-distinct:]}
        units += meter.units("EndedFunction", partial(meter.world.functions.invoke, "EndedFunction", event))
    return units


def _answered(meter: Meter) -> Units:
    paths_of = [{"pathParameters": {"request_id": each}} for each in meter.world.functions.accepted]
    units, _ = _called(meter, "StatusFunction", [_event("GET") | path for path in paths_of])
    return units


def _called(meter: Meter, function: str, events: list[dict[str, Any]]) -> tuple[Units, list[dict[str, Any]]]:
    """What the calls through the API use, and what they are answered."""
    answers: list[dict[str, Any]] = []
    invoke = meter.world.functions.invoke
    units = meter.units(function, lambda: answers.extend(invoke(function, event) for event in events))
    return units + Counter({"api.rest": len(answers), "transfer.out": sum(map(_bytes_out, answers))}), answers


def _event(method: str, body: str | None = None) -> dict[str, Any]:
    return proxy_event(method, body) | {"requestContext": {"requestId": str(uuid4()), **CALLER}}


def _bytes_out(answer: dict[str, Any]) -> int:
    """As API Gateway sends it to a client that takes gzip, as browsers and the command line do."""
    body = answer["body"].encode()
    is_packed = len(body) >= TEMPLATE.properties("Api", "Name", "DefinitionBody")["MinimumCompressionSize"]
    headers = len(json.dumps(answer["headers"])) + HEADERS_OF_API_GATEWAY
    return headers + len(gzip.compress(body) if is_packed else body)


def _warm_up(meter: Meter) -> None:
    """One image all the way, which makes the clients and reads the settings."""
    _asked(meter, [photograph(DISTINCT)])
    _scanned(meter, 1)
    _announced(meter, 1)
    _answered(meter)


def main() -> int:
    """Prints the bill."""
    steps = counted()
    lines = Table("step", "what", "for one image", "USD for a million", box=None)
    for step, of_step in bills(steps).items():
        for each in of_step:
            lines.add_row(step, each.what, f"{each.units / MILLION:.4g}", f"{each.usd:.3f}")
        lines.add_row(step, "in all", "", f"{total(of_step):.2f}", style="bold")
    lines.add_row("", "in all", "", f"{dollars(steps):.2f}", style="bold")
    for what, usd in otherwise(steps).items():
        lines.add_row("", what, "", f"{usd:.2f}")
    Console(width=120).print(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
