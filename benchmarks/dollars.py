"""Row 11: what a million distinct images cost beside Rekognition's fee, from counted calls and a dated price list."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bill import Charge, bill, prices, total
from benchmarks.figure import Figure
from benchmarks.meter import SECONDS, Units
from benchmarks.workloads import CALLS_OF_A_SCAN, Steps, many_at_once, one_by_one
from testing.functions import BATCH_SIZE
from testing.moto_environments import attached_sdk, moto_environment
from testing.resources import TEMPLATE
from tools import paths

MILLION = 1_000_000
TARGET = 17
BESIDE_REQUESTS = 1.15
"""What an image may cost, as a multiple of the requests to AWS that its design takes: a target of our own."""
DISTINCT = 100
"""Images that are counted: as many as a batch of the requests' stream holds, and ten full batches of the queue."""
REQUESTS = ("api.rest", "s3.put", "s3.get", "dynamodb.write", "dynamodb.read", "eventbridge.events", "sqs.requests")

type Workloads = dict[str, Steps]


def measure() -> Iterator[Figure]:
    """Two figures; what they are made of is written beside the other figures."""
    workloads = counted()
    made = paths.ROOT / "artefacts" / "bench"
    made.mkdir(parents=True, exist_ok=True)
    (made / "dollars.json").write_text(json.dumps(as_json(workloads), indent=1) + "\n")
    many, single = workloads["many at once"], workloads["one by one"]
    yield Figure(11, "dollars for a million distinct images, many at once", dollars(many), None, TARGET, "USD")
    yield Figure(
        11, "one by one, over their requests alone", dollars(single), of_requests(single), BESIDE_REQUESTS, "USD"
    )


def counted(distinct: int = DISTINCT) -> Workloads:
    """What one image uses in each step, as the mean of so many of them, a multiple of a hundred."""
    with attached_sdk() as sdk:
        with moto_environment(sdk) as env:
            many = many_at_once(env, distinct)
        with moto_environment(sdk) as env:
            return {"many at once": many, "one by one": one_by_one(env, distinct)}


def bills(steps: Steps) -> dict[str, list[Charge]]:
    """The bill of each step for a million images."""
    listed = prices()
    return {
        step: bill({name: amount * MILLION for name, amount in units.items()}, listed) for step, units in steps.items()
    }


def dollars(steps: Steps) -> float:
    """All that a million images cost."""
    return sum(map(total, bills(steps).values()))


def of_requests(steps: Steps) -> float:
    """What a million images cost in requests, rows and events alone: no computing, no log, no traffic."""
    return dollars({step: Counter({name: units[name] for name in REQUESTS}) for step, units in steps.items()})


def otherwise(steps: Steps) -> dict[str, float]:
    """What a million images cost, one by one, where something is other than it is by default or was assumed."""
    listed, all_of_it = prices(), dollars(steps)
    get, post = (total(bills(steps)[step]) for step in ("GET", "POST"))
    http = 2 * (listed["api.rest"].of(MILLION) - listed["api.http"].of(MILLION))
    return {
        "each further GET, which is a poll": get,
        "the event tells the answer, nobody asks by GET": all_of_it - get,
        "an HTTP API in place of the REST API, pictures posted up to 380 KB": all_of_it - http,
        "both": all_of_it - get - http / 2,
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


def as_json(workloads: Workloads) -> dict[str, Any]:
    """The bills for programs; units are those of a million images."""
    told = {
        way: {
            step: {"usd": total(of_step), "charges": [[each.what, each.units, each.usd] for each in of_step]}
            for step, of_step in bills(steps).items()
        }
        for way, steps in workloads.items()
    }
    return {**told, "otherwise": otherwise(workloads["one by one"])}


def main() -> int:
    """Prints the bills."""
    workloads = counted()
    lines = Table("", "step", "what", "for one image", "USD for a million", box=None)
    for way, steps in workloads.items():
        for step, of_step in bills(steps).items():
            for each in of_step:
                lines.add_row(way, step, each.what, f"{each.units / MILLION:.4g}", f"{each.usd:.3f}")
            lines.add_row(way, step, "in all", "", f"{total(of_step):.2f}", style="bold")
        lines.add_row(way, "", "requests alone", "", f"{of_requests(steps):.2f}")
        lines.add_row(way, "", "in all", "", f"{dollars(steps):.2f}", style="bold")
    for what, usd in otherwise(workloads["one by one"]).items():
        lines.add_row("one by one", "", what, "", f"{usd:.2f}")
    Console(width=120).print(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
