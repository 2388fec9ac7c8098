"""Benchmark ``cost-per-million``.

Measures: USD per million distinct images without the Rekognition fee, sent in batches and one at a time. Computed from
counted AWS usage and a dated price list.
Baseline: none for ``batched``. The cost of its AWS requests alone for ``one_at_a_time``.
Target: ``batched`` at most 17 USD, ``one_at_a_time`` a ratio of at most 1.15.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Measurement
from benchmarks.meter import LATENCY_SECONDS, Units
from benchmarks.pricing import LineItem, cost_breakdown, prices, total
from benchmarks.workloads import SCAN_CALLS, Steps, in_batches, one_at_a_time
from testing.functions import BATCH_SIZE
from testing.moto_environments import attached_sdk, moto_environment
from testing.resources import TEMPLATE
from tools import paths

MILLION = 1_000_000
TARGET_USD = 17
TARGET_RATIO = 1.15
"""Maximum cost of an image sent alone, relative to its AWS requests."""
DISTINCT = 100
"""Number of images that are counted: one full batch of the requests table's stream, and ten of the scan queue."""
REQUESTS = ("api.rest", "s3.put", "s3.get", "dynamodb.write", "dynamodb.read", "eventbridge.events", "sqs.requests")
OUTPUT = paths.ROOT / "artefacts" / "bench" / "cost-per-million.json"

type Workloads = dict[str, Steps]


def measure() -> Iterator[Measurement]:
    """Measure both workloads, and write the cost breakdown to ``OUTPUT``."""
    workloads = count_usage()
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(as_json(workloads), indent=1) + "\n")
    name, batched, single = "cost-per-million", workloads["batched"], workloads["one_at_a_time"]
    yield Measurement(name, "images sent in batches", total_cost(batched), None, TARGET_USD, "USD")
    yield Measurement(name, "images sent one at a time", total_cost(single), request_cost(single), TARGET_RATIO, "USD")


def count_usage(distinct: int = DISTINCT) -> Workloads:
    """Return the mean usage per image and step. ``distinct`` images are counted, a multiple of 100."""
    with attached_sdk() as sdk:
        with moto_environment(sdk) as env:
            batched = in_batches(env, distinct)
        with moto_environment(sdk) as env:
            return {"batched": batched, "one_at_a_time": one_at_a_time(env, distinct)}


def step_costs(steps: Steps) -> dict[str, list[LineItem]]:
    """Return the cost breakdown of each step for a million images."""
    listed = prices()
    return {
        step: cost_breakdown({name: amount * MILLION for name, amount in units.items()}, listed)
        for step, units in steps.items()
    }


def total_cost(steps: Steps) -> float:
    """Return the cost of a million images in USD."""
    return sum(map(total, step_costs(steps).values()))


def request_cost(steps: Steps) -> float:
    """Return the cost in USD of the AWS requests of a million images, without computing, logs and data transfer."""
    return total_cost({step: Counter({name: units[name] for name in REQUESTS}) for step, units in steps.items()})


def alternatives(steps: Steps) -> dict[str, float]:
    """Return the cost in USD of a million images sent one at a time, for other usage or another API type."""
    listed, all_steps = prices(), total_cost(steps)
    get, post = (total(step_costs(steps)[step]) for step in ("GET", "POST"))
    http = 2 * (listed["api.rest"].of(MILLION) - listed["api.http"].of(MILLION))
    return {
        "each additional GET (a poll)": get,
        "result from the event, no GET": all_steps - get,
        "HTTP API instead of REST API, images up to 380 KB": all_steps - http,
        "both": all_steps - get - http / 2,
        "known image, POST only": post - listed["s3.put"].of(MILLION),
        "low traffic, each image scanned alone": all_steps + _cost_of_single_scans(steps["scan"]),
    }


def _cost_of_single_scans(units: Units) -> float:
    """Return the additional cost if no batch has more than one image, so that each invocation waits for one scan."""
    waiting = sum(LATENCY_SECONDS[call] for call in SCAN_CALLS) * (1 - 1 / BATCH_SIZE)
    more = {
        "lambda.requests": units["lambda.requests"] * (BATCH_SIZE - 1),
        "lambda.gb_seconds": waiting * int(TEMPLATE.setting("ScannerFunction", "MemorySize")) / 1024,
        "sqs.requests": 2 * (1 - 1 / BATCH_SIZE),
    }
    return total(cost_breakdown({name: amount * MILLION for name, amount in more.items()}, prices()))


def as_json(workloads: Workloads) -> dict[str, Any]:
    """Return the cost breakdowns for programs. Units are those of a million images."""
    breakdowns = {
        workload: {
            step: {"usd": total(items), "line_items": [[each.what, each.units, each.usd] for each in items]}
            for step, items in step_costs(steps).items()
        }
        for workload, steps in workloads.items()
    }
    return {**breakdowns, "alternatives": alternatives(workloads["one_at_a_time"])}


def main() -> int:
    """Print the cost breakdowns."""
    workloads = count_usage()
    console = Console(width=120)
    for workload, steps in workloads.items():
        console.print(_breakdown_table(workload, steps), "")
    lines = Table(title="one_at_a_time, alternatives", title_justify="left", box=None, header_style="bold")
    lines.add_column("alternative")
    lines.add_column("USD per million", justify="right")
    for name, usd in alternatives(workloads["one_at_a_time"]).items():
        lines.add_row(name, f"{usd:.2f}")
    console.print(lines)
    return 0


def _breakdown_table(workload: str, steps: Steps) -> Table:
    lines = Table(title=workload, title_justify="left", box=None, header_style="bold")
    for title in ("step", "line item"):
        lines.add_column(title)
    for title in ("per image", "USD per million"):
        lines.add_column(title, justify="right")
    for step, items in step_costs(steps).items():
        for each in items:
            lines.add_row(step, each.what, f"{each.units / MILLION:.4g}", f"{each.usd:.3f}")
        lines.add_row(step, "subtotal", "", f"{total(items):.2f}", style="bold")
    lines.add_row("", "AWS requests only", "", f"{request_cost(steps):.2f}")
    lines.add_row("", "total", "", f"{total_cost(steps):.2f}", style="bold")
    return lines


if __name__ == "__main__":
    sys.exit(main())
