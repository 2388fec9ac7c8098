"""Simulate the real submit and scan use cases under AWS limits, at 1, 100 and 10,000 images per second.

Time is virtual. docs/scale.md describes the model. The service code makes all decisions: leases, answers, retries and
their delays.
"""
# ruff: noqa: ARG002 - the model implements protocols and does not use every parameter

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.meter import LATENCY_SECONDS
from benchmarks.queue import Message, Queue
from benchmarks.virtual_clock import VirtualClock
from imagescan.aws.s3_events import image_keys, s3_event_message
from imagescan.domain.detection import Detection, TransientDetectorError
from imagescan.domain.feature import Feature, hash_from_item_key
from imagescan.domain.image import StoredObject, ValidatedImage
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, LeaseResult, Scan
from imagescan.domain.labels import Label
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner, UnlimitedQuota
from imagescan.use_cases.submit_request import submit_request

PARTITION_WRITES, PARTITION_READS = 1000, 3000  # units per second of one DynamoDB partition
PREFIX_PUTS = 3500  # per second, for one S3 partition
SHARDS = 16  # of the index by_created_at, for each caller
SDK_ATTEMPTS = 4  # for DynamoDB
IDLE_POLL_SECONDS = 0.2
S3_EVENT_DELAY = 0.2  # seconds from S3 to the queue
SHARED_HASH = "ab" * 32
RETENTION_SECONDS = 30 * DAY_SECONDS
LABELS = (Label("Cat", 97.5, (), (), (), ()),)


class Throttled(Exception):
    """DynamoDB or S3 throttled every attempt of a call."""


@dataclass
class TokenBuckets:
    """One token bucket per partition, with a burst of one second. A hexadecimal key belongs to one partition."""

    rate: float
    partitions: int = 1
    state: dict[int, tuple[float, float]] = field(default_factory=dict)

    def available(self, key: str, now: float) -> float:
        """Return the units available for the key."""
        saved, since = self.state.get(self._partition(key), (self.rate, now))
        return min(self.rate, saved + (now - since) * self.rate)

    def take(self, key: str, now: float, units: float = 1) -> None:
        """Use units. Call ``available`` first."""
        self.state[self._partition(key)] = (self.available(key, now) - units, now)

    def _partition(self, key: str) -> int:
        return int(key[-8:], 16) % self.partitions if key else 0


@dataclass(frozen=True)
class Scenario:
    """The load (``rate`` POSTs per second for ``seconds``) and the capacity.

    ``share`` scales down the POSTs, the scanners and all limits, so that a large scenario runs faster. The name
    determines the arrival times.
    """

    name: str
    rate: float
    seconds: float
    rekognition: float
    concurrency: int
    partitions: int = 4  # of each table and index, as in a new on-demand table
    prefixes: int = 1  # of the bucket
    same_image: bool = False
    has_daily_limit: bool = False
    share: float = 1.0


@dataclass
class SimulatedAws:
    """The AWS services with their items and limits."""

    scenario: Scenario
    clock: VirtualClock
    images: dict[str, Image] = field(default_factory=dict)
    pending: dict[str, dict[str, ScanRequest]] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    objects: dict[str, StoredObject] = field(default_factory=dict)
    stored: dict[str, ScanRequest] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    rng: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - reproducible

    def __post_init__(self) -> None:
        scenario, share = self.scenario, self.scenario.share
        self.queue = Queue([])
        self.image_writes, self.request_writes, self.pending_index_writes = (
            TokenBuckets(PARTITION_WRITES * share, scenario.partitions) for _ in range(3)
        )
        self.image_reads = TokenBuckets(PARTITION_READS * share, scenario.partitions)
        self.created_index_writes = TokenBuckets(PARTITION_WRITES * share, SHARDS)
        self.counter_writes = TokenBuckets(PARTITION_WRITES * share)
        self.puts = TokenBuckets(PREFIX_PUTS * share, scenario.prefixes)
        self.detections = TokenBuckets(scenario.rekognition * share)

    def call(self, operation: str, *units: tuple[TokenBuckets, str], attempts: int = SDK_ATTEMPTS) -> None:
        """Make a call that takes time and succeeds if no limit is exceeded. Otherwise retry it as the SDK does."""
        for attempt in range(attempts):
            self.clock.sleep(LATENCY_SECONDS[operation])
            now = self.clock.now
            if all(limit.available(key, now) >= 1 for limit, key in units):
                for limit, key in units:
                    limit.take(key, now)
                return
            self.counts["throttled"] += 1
            self.clock.sleep(self.rng.random() * min(2**attempt, 20))
        raise Throttled(operation)


@dataclass(frozen=True)
class Images:
    cloud: SimulatedAws

    def get(self, image_hash: str) -> Image | None:
        self.cloud.call("GetItem", (self.cloud.image_reads, image_hash))
        return self.cloud.images.get(image_hash)

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        self.cloud.call("BatchGetItem", *((self.cloud.image_reads, hash_from_item_key(key)) for key in keys))
        return {key: self.cloud.images[key] for key in keys if key in self.cloud.images}

    def lease(self, image_hash: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        self.cloud.call("UpdateItem", (self.cloud.image_writes, image_hash))
        image = self.cloud.images.get(image_hash, Image(image_hash))
        if image.scan or image.is_leased(now) or image.attempts >= max_attempts:
            return LeaseResult(granted=False, image=image)
        leased = replace(
            image, attempts=image.attempts + 1, lease_until=until, first_leased_at=image.first_leased_at or now
        )
        self.cloud.images[image_hash] = leased
        return LeaseResult(granted=True, image=leased)

    def release(self, image_hash: str, owner: str, *, refund: bool, not_before: float | None = None) -> None:
        self.cloud.call("UpdateItem", (self.cloud.image_writes, image_hash))
        image = self.cloud.images[image_hash]
        released = replace(image, attempts=image.attempts - refund, lease_until=None, not_before=not_before)
        self.cloud.images[image_hash] = released

    def mark_for_purge(self, key: str, now: float) -> None:
        self.cloud.call("UpdateItem", (self.cloud.image_writes, key))

    def exhaust(self, image: Image, at: float) -> Image:
        raise NotImplementedError("no call of the simulation is billed without a result")

    def reopen(self, image: Image) -> None:
        raise NotImplementedError("no image of the simulation is exhausted")

    def finish(self, image_hash: str, scan: Scan) -> Image:
        self.cloud.call("UpdateItem", (self.cloud.image_writes, image_hash))
        self.cloud.images[image_hash] = replace(self.cloud.images[image_hash], scan=scan, lease_until=None)
        return self.cloud.images[image_hash]


@dataclass(frozen=True)
class Requests:
    cloud: SimulatedAws

    def put(self, request: ScanRequest) -> ScanRequest:
        cloud = self.cloud
        units = [(cloud.request_writes, request.id), (cloud.created_index_writes, request.id[-1])]
        if request.answer:
            cloud.call("PutItem", *units)
            cloud.answered[request.id] = cloud.clock.now
        else:
            cloud.call("PutItem", *units, (cloud.pending_index_writes, request.image_hash))
            cloud.pending.setdefault(request.image_hash, {})[request.id] = request
        cloud.stored[request.id] = request
        return request

    def find(self, request_id: str) -> ScanRequest | None:
        self.cloud.call("GetItem")
        return self.cloud.stored.get(request_id)

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        self.cloud.call("Query")
        return iter(list(self.cloud.pending.get(image_hash, {}).values()))

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        cloud = self.cloud
        tables = [(cloud.request_writes, each.id) for each in requests]
        indexes = [(cloud.pending_index_writes, each.image_hash) for each in requests]
        if len(requests) == 1:
            cloud.call("UpdateItem", *tables, *indexes)
        else:  # a transaction costs twice as much
            cloud.call("TransactWriteItems", *tables * 2, *indexes * 2)
        for each in requests:
            del cloud.pending[each.image_hash][each.id]
            cloud.answered[each.id] = cloud.clock.now


@dataclass(frozen=True)
class Bucket:
    cloud: SimulatedAws

    def put(self, image: ValidatedImage, request: ScanRequest) -> None:
        self.cloud.call("PutObject", (self.cloud.puts, image.hash), attempts=2)
        now = self.cloud.clock.now
        self.cloud.objects[image.key] = StoredObject(image.key, "v1", image.hash, request.id, now)
        message = Message(self.cloud.clock.now + S3_EVENT_DELAY, request.id, s3_event_message(image.key))
        self.cloud.queue.send(message)

    def find(self, key: str) -> StoredObject | None:
        self.cloud.call("GetObject")
        return self.cloud.objects.get(key)


@dataclass(frozen=True)
class Detector:
    cloud: SimulatedAws

    def detect(self, stored: StoredObject) -> Detection:
        try:
            self.cloud.call("DetectLabels", (self.cloud.detections, ""), attempts=1)
        except Throttled:
            self.cloud.counts["throttled by Rekognition"] += 1
            raise TransientDetectorError("ProvisionedThroughputExceededException") from None
        self.cloud.counts["detections"] += 1
        return Detection(LABELS, "3.0")


@dataclass(frozen=True)
class DailyQuota:
    """The one item that counts the calls of a day."""

    cloud: SimulatedAws

    def try_acquire(self, now: float, feature: Feature) -> bool:
        self.cloud.call("UpdateItem", (self.cloud.counter_writes, ""), attempts=1)
        return True

    def refund(self, now: float, feature: Feature) -> None:
        self.cloud.call("UpdateItem", (self.cloud.counter_writes, ""), attempts=1)


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Shares of the POSTs, and seconds from a POST to its stored answer.

    ``calls`` is the number of Rekognition calls per scanned image. ``pending`` requests are scanned or still to be
    scanned. The sweeper settles them, and a GET returns their answer before that.
    """

    answered: float
    rejected: float
    pending: float
    median: float
    percentile_99: float
    throttled: float
    left_in_queue: int
    dead_letters: int
    calls: float


def simulate(scenario: Scenario) -> SimulationResult:
    """Simulate a scenario with POSTs at random times, until the queue is empty or one minute after the last POST."""
    clock = VirtualClock()
    cloud = SimulatedAws(scenario, clock)
    rng = random.Random(scenario.name)  # noqa: S311 - reproducible
    posts, scanners = (
        round(scenario.rate * scenario.share * scenario.seconds),
        round(scenario.concurrency * scenario.share),
    )
    times = sorted(rng.uniform(0, scenario.seconds) for _ in range(posts))
    posted = {sha256(str(number).encode()).hexdigest(): at for number, at in enumerate(times)}
    clock.start(partial(_post_all, cloud, posted))
    for scanner in range(scanners):
        clock.start(partial(_poll, cloud, posts), scanner * IDLE_POLL_SECONDS / scanners)
    clock.run()
    return _result(cloud, posted)


def _post_all(cloud: SimulatedAws, posted: dict[str, float]) -> None:
    for request_id, at in posted.items():
        cloud.clock.sleep(at - cloud.clock.now)
        cloud.clock.start(partial(_post, cloud, request_id))


def _post(cloud: SimulatedAws, request_id: str) -> None:
    """Submit one request as the handler does."""
    now = cloud.clock.now
    image_hash = SHARED_HASH if cloud.scenario.same_image else request_id
    image = ValidatedImage(b"", ImageType.JPEG, 640, 480, image_hash)
    request = ScanRequest(request_id, image.hash, image.key, Question(("cat",), 90.0), now, now + 3600)
    collaborators: dict[str, Any] = {"images": Images(cloud), "requests": Requests(cloud), "bucket": Bucket(cloud)}
    try:
        submit_request(request, image, **collaborators, now=now, retention_seconds=RETENTION_SECONDS)
    except Throttled:
        cloud.counts["rejected"] += 1
    cloud.counts["posted"] += 1


def _poll(cloud: SimulatedAws, posts: int) -> None:
    """Poll the queue and invoke the scanner, one invocation at a time, as the event source mapping does."""
    last = cloud.scenario.seconds + 60
    while cloud.clock.now < last and not (cloud.counts["posted"] == posts and cloud.queue.is_empty):
        batch = cloud.queue.receive(cloud.clock.now)
        if batch:
            _invoke(cloud, batch)
        else:
            cloud.clock.sleep(IDLE_POLL_SECONDS)


def _invoke(cloud: SimulatedAws, batch: list[Message]) -> None:
    outcomes: dict[str, list[Outcome]] = {}
    collaborators: dict[str, Any] = {
        "images": Images(cloud),
        "requests": Requests(cloud),
        "bucket": Bucket(cloud),
        "detectors": {Feature.LABELS: Detector(cloud)},
        "quota": _quota(cloud),
    }
    scanner = Scanner(**collaborators, clock=cloud.clock.time, time_left=lambda: 60.0)

    def scan(message: Message) -> None:
        [key] = image_keys(message.body)
        try:
            outcomes[message.id] = scanner.scan(key, owner=f"{message.id} {message.receives}")
        except Throttled as error:
            outcomes[message.id] = [Outcome(key, OutcomeKind.UNEXPECTED_ERROR, error=error)]

    cloud.clock.all_of([partial(scan, message) for message in batch])
    results = [MessageResult(_scan_message(each), tuple(outcomes[each.id])) for each in batch]
    delays = {each.message.id: each.delay_seconds for each in results if not each.is_done}
    cloud.queue.complete(batch, delays.keys(), delays, cloud.clock.now)


def _scan_message(message: Message) -> ScanMessage:
    return ScanMessage(message.id, "", message.receives, tuple(image_keys(message.body)))


def _quota(cloud: SimulatedAws) -> Any:
    return DailyQuota(cloud) if cloud.scenario.has_daily_limit else UnlimitedQuota()


def _result(cloud: SimulatedAws, posted: dict[str, float]) -> SimulationResult:
    times = sorted(at - posted[request_id] for request_id, at in cloud.answered.items())
    percentiles = quantiles(times, n=100)
    scanned = sum(image.scan is not None for image in cloud.images.values())
    return SimulationResult(
        answered=len(times) / len(posted),
        rejected=cloud.counts["rejected"] / len(posted),
        pending=sum(map(len, cloud.pending.values())) / len(posted),
        median=percentiles[49],
        percentile_99=percentiles[98],
        throttled=cloud.counts["throttled"] / len(posted),
        left_in_queue=cloud.queue.depth,
        dead_letters=len(cloud.queue.dead),
        calls=(cloud.counts["detections"] + cloud.counts["throttled by Rekognition"]) / scanned,
    )


_LARGE = Scenario("10,000/s, only quota and scanners raised", 10_000, 4, 15_000, 1000, share=0.1)
_WARM = replace(_LARGE, name="10,000/s, plus 40 table partitions", partitions=40)
_SPREAD = replace(_WARM, name="10,000/s, plus 8 S3 partitions", prefixes=8)
_ONE_IMAGE = replace(_SPREAD, name="one new image, 900 POSTs/s", rate=900, same_image=True)
SCENARIOS = (
    Scenario("1/s, defaults", 1, 120, 50, 5),
    Scenario("100/s, defaults", 100, 20, 50, 5),
    Scenario("100/s, quota 150, 15 scanners", 100, 20, 150, 15),
    _LARGE,
    _WARM,
    _SPREAD,
    replace(_SPREAD, name="10,000/s, plus DailyRekognitionLimit", has_daily_limit=True),
    _ONE_IMAGE,
    replace(_ONE_IMAGE, name="one new image, 4,000 POSTs/s", rate=4000),
)


def main() -> int:
    """Print a table with the result of each scenario."""
    lines = Table(box=None, padding=(0, 1), header_style="bold")
    lines.add_column("scenario")
    for title in ("answered", "rejected", "pending", "median", "99%", "throttled", "in queue", "dead letters"):
        lines.add_column(title, justify="right")
    for scenario in SCENARIOS:
        result = simulate(scenario)
        lines.add_row(
            scenario.name,
            f"{result.answered:.1%}",
            f"{result.rejected:.1%}",
            f"{result.pending:.1%}",
            f"{result.median:.2f} s",
            f"{result.percentile_99:.2f} s",
            f"{result.throttled:.2f}",
            str(result.left_in_queue),
            str(result.dead_letters),
        )
    Console(width=130).print(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
