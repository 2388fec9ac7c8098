"""Simulate the sweeper after midnight, when it must requeue every image that the daily limit deferred.

Time is virtual and advances with each call. The sweeper's code makes all decisions. docs/scale.md describes the model.
"""
# ruff: noqa: ARG002 - the model implements protocols and does not use every parameter

import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from rich.console import Console
from rich.table import Table

from benchmarks.meter import LATENCY_SECONDS
from imagescan.domain.image_record import Image, Possession, PossessionKey, Scan, Status
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import PendingPage, ScanRequest, effective_deadline
from imagescan.use_cases.sweep import PAGE_SIZE, Sweep, SweepReport
from testing.resources import TEMPLATE

SWEEPER_LATENCY_SECONDS = LATENCY_SECONDS | {
    "Scan": 0.015,  # 100 items of the index
    "TransactWriteItems": 0.060,  # 100 items; the scanner's transactions have 25
    "SendMessageBatch": 0.015,
}
CPU_SECONDS_PER_REQUEST = 0.0002  # at 512 MB; assumed to decode and examine a request
CPU_SECONDS_PER_REQUEUE = 0.0005  # assumed to claim, enqueue and log an image
TIMEOUT: int = TEMPLATE.properties("SweeperFunction")["Timeout"]
MAX_RUNS = 100


@dataclass(frozen=True)
class Scenario:
    """``images`` were deferred to the next day, each for one request of one of ``owners``.

    ``rate`` is the number of images per second that the scanner completes. The first owner has all images but one per
    other owner.
    """

    name: str
    images: int
    rate: float = 150
    owners: int = 1
    timeout_seconds: float = 3600
    interval_seconds: float = 300


@dataclass(frozen=True)
class SimulationResult:
    """``last_scan`` and ``last_other_owner`` are seconds after midnight, the latter of the requeues of small owners."""

    completed: int
    timed_out: int
    runs: int
    incomplete_runs: int
    last_scan: float
    last_other_owner: float


@dataclass
class SimulatedService:
    """The tables, the queue and the scanner. ``order`` is the order of the index, ``scans`` the scans to come."""

    scenario: Scenario
    now: float = DAY_SECONDS
    order: list[ScanRequest] = field(default_factory=list)
    images: dict[str, Image] = field(default_factory=dict)
    pending: dict[str, ScanRequest] = field(default_factory=dict)
    scans: deque[tuple[float, str]] = field(default_factory=deque)
    scanner_free_at: float = DAY_SECONDS
    position: str | None = None
    counts: Counter[str] = field(default_factory=Counter)
    requeued_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        created_at, timeout = DAY_SECONDS - 7200.0, self.scenario.timeout_seconds
        for number in range(self.scenario.images):
            image_hash = sha256(str(number).encode()).hexdigest()
            owner = f"owner {number if number < self.scenario.owners else 0}"
            request = ScanRequest(
                str(number), image_hash, f"images/{image_hash}.png", Question(("cat",), 90), created_at,
                created_at + timeout, owner=owner,
            )  # fmt: skip
            self.pending[image_hash] = request
            self.images[image_hash] = Image(image_hash, deferred_at=(created_at + 60,))
        self.order = sorted(self.pending.values(), key=lambda request: request.image_hash)

    def call(self, operation: str, cpu: float = 0.0) -> None:
        """Make a call, and let the scanner complete what it completes meanwhile."""
        self.advance_to(self.now + SWEEPER_LATENCY_SECONDS[operation] + cpu)

    def advance_to(self, now: float) -> None:
        self.now = now
        while self.scans and self.scans[0][0] <= now:
            finished_at, image_hash = self.scans.popleft()
            image = self.images[image_hash]
            self.images[image_hash] = replace(image, scan=Scan(Status.COMPLETED, finished_at))
            request = self.pending.pop(image_hash, None)
            if request:
                is_late = finished_at > effective_deadline(request, {image.feature: image})
                self.counts["timed_out" if is_late else "completed"] += 1
                self.counts["last_scan"] = round(finished_at - DAY_SECONDS)

    # The protocols of the sweeper

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.call("BatchGetItem", CPU_SECONDS_PER_REQUEST * len(image_hashes))
        return {image_hash: self.images[image_hash] for image_hash in image_hashes}

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        self.call("BatchGetItem", CPU_SECONDS_PER_REQUEST * len(keys))
        return {key: Possession(*key, since=DAY_SECONDS - 7200.0, granted_for="") for key in keys}

    def reopen(self, image: Image) -> None:
        raise NotImplementedError("no image of the simulation is exhausted")

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        self.call("TransactWriteItems", CPU_SECONDS_PER_REQUEUE * len(image_hashes))
        claimed = [each for each in image_hashes if self.images[each].scan is None]
        for image_hash in claimed:
            self.images[image_hash] = replace(self.images[image_hash], requeued_at=now)
            self.requeued_at[image_hash] = self.now
        return claimed

    def enqueue_all(self, keys: Sequence[str]) -> list[str]:
        self.call("SendMessageBatch")
        for key in keys:
            self.scanner_free_at = max(self.scanner_free_at, self.now) + 1 / self.scenario.rate
            self.scans.append((self.scanner_free_at, key[len("images/") : -len(".png")]))
        return []

    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        at = int(start or 0)
        while True:
            self.call("Scan")
            page: list[ScanRequest] = []
            first = at
            while at < len(self.order) and len(page) < PAGE_SIZE:
                if self.order[at].image_hash in self.pending:
                    page.append(self.order[at])
                at += 1
            yield PendingPage(str(first) if first else None, tuple(page))
            if at == len(self.order):
                return

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        self.call("TransactWriteItems")
        for request in requests:
            if self.pending.pop(request.image_hash, None):
                self.counts["timed_out"] += 1

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        return iter(())

    def load(self) -> str | None:
        self.call("GetItem")
        return self.position

    def save(self, start: str | None) -> None:
        self.call("PutItem")
        self.position = start


def simulate(scenario: Scenario) -> SimulationResult:
    """Run the sweeper on schedule from one interval after midnight, until no request is pending."""
    service, reports = SimulatedService(scenario), list[SweepReport]()
    while service.pending and len(reports) < MAX_RUNS:
        service.advance_to(DAY_SECONDS + scenario.interval_seconds * (len(reports) + 1))
        reports.append(_sweep(service))
    others = [f"{number}" for number in range(1, scenario.owners)]
    last_other = max((service.requeued_at.get(sha256(name.encode()).hexdigest(), 0.0) for name in others), default=0.0)
    return SimulationResult(
        service.counts["completed"],
        service.counts["timed_out"],
        len(reports),
        sum(not report.is_complete for report in reports),
        service.counts["last_scan"],
        last_other - DAY_SECONDS if others else 0.0,
    )


def _sweep(service: SimulatedService) -> SweepReport:
    ends_at = service.now + TIMEOUT

    def report_error(item: str, error: Exception | str) -> None:
        raise AssertionError(f"{item}: {error}")

    return Sweep(
        images=service,
        requests=service,
        queue=service,
        position=service,
        clock=lambda: service.now,
        time_left=lambda: ends_at - service.now,
        on_error=report_error,
    ).run()


SCENARIOS = (
    Scenario("150,000 deferred images", 150_000),
    Scenario("200,000 deferred images", 200_000),
    Scenario("200,000 deferred images, 100 scans/s", 200_000, rate=100),
    Scenario("60,000 images of one owner, 20 other owners", 60_000, owners=21),
)


def main() -> int:
    """Print a table with the result of each scenario. Return 1 if a request timed out."""
    lines = Table(box=None, padding=(0, 1), header_style="bold")
    lines.add_column("scenario")
    for title in ("completed", "timed out", "runs", "incomplete runs", "last scan", "last other owner"):
        lines.add_column(title, justify="right")
    results = {scenario.name: simulate(scenario) for scenario in SCENARIOS}
    for name, result in results.items():
        lines.add_row(
            name,
            f"{result.completed:,}",
            f"{result.timed_out:,}",
            str(result.runs),
            str(result.incomplete_runs),
            f"{result.last_scan / 60:.0f} min",
            f"{result.last_other_owner / 60:.0f} min" if result.last_other_owner else "",
        )
    Console(width=130).print(lines)
    return int(any(result.timed_out for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
