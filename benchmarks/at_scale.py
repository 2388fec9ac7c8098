"""Runs the real submit and scan under the limits of AWS, on a time of its own, at 1, 100 and 10,000 images a second.

What is modelled is said in docs/scale.md; the decisions (leases, answers, what comes again and when) are the service's.
"""

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

from benchmarks.meter import SECONDS
from benchmarks.queue import Message, Queue
from benchmarks.timeline import Timeline
from imagescan.aws.s3_events import image_keys, s3_event_message
from imagescan.domain.detection import Detection, TransientDetectorError
from imagescan.domain.image import StoredObject, ValidatedImage
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, LeaseResult, Scan
from imagescan.domain.labels import Label
from imagescan.domain.question import Question
from imagescan.domain.scan_message import ScanMessage as Delivery
from imagescan.domain.scan_request import ScanRequest
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind, Scanner, UnlimitedQuota
from imagescan.use_cases.submit_request import submit_request

PARTITION_WRITES, PARTITION_READS = 1000, 3000  # units a second that one partition of DynamoDB takes
PREFIX_PUTS = 3500  # a second that one partition of S3 takes
SHARDS = 16  # of the index by_created_at, for each caller
TRIES = 4  # of the SDK, for DynamoDB
IDLE_POLL = 0.2  # seconds
ON_ITS_WAY = 0.2  # seconds from S3 to the queue
ONE_PICTURE = "ab" * 32
LABELS = (Label("Cat", 97.5, (), (), (), ()),)


class Throttled(Exception):
    """DynamoDB or S3 refused a call as often as the SDK tried it."""


@dataclass
class Limit:
    """So many units a second for each part, a second's worth saved up. A key, in hexadecimal, is of one part."""

    rate: float
    parts: int = 1
    left: dict[int, tuple[float, float]] = field(default_factory=dict)

    def has(self, key: str, now: float) -> float:
        """Units that are left for the key."""
        saved, since = self.left.get(self._part(key), (self.rate, now))
        return min(self.rate, saved + (now - since) * self.rate)

    def take(self, key: str, now: float, units: float = 1) -> None:
        """Use them; what is there has been looked at before."""
        self.left[self._part(key)] = (self.has(key, now) - units, now)

    def _part(self, key: str) -> int:
        return int(key[-8:], 16) % self.parts if key else 0


@dataclass(frozen=True)
class Plan:
    """What is offered (POSTs a second for so many seconds) and what is there to take it.

    Of the large ones a tenth is run: of the POSTs, of the scanners, and of what each limit takes in a second.
    """

    name: str
    rate: float
    seconds: float
    rekognition: float
    concurrency: int
    partitions: int = 4  # of each table and index: what a new table on demand has
    prefixes: int = 1  # of the bucket
    same_picture: bool = False
    counts_the_day: bool = False
    share: float = 1.0


@dataclass
class Cloud:
    """The services, with their rows and their limits."""

    plan: Plan
    timeline: Timeline
    images: dict[str, Image] = field(default_factory=dict)
    waiting: dict[str, dict[str, ScanRequest]] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - repeatable

    def __post_init__(self) -> None:
        plan, share = self.plan, self.plan.share
        self.queue = Queue([])
        self.image_writes, self.request_writes, self.waiting_writes = (
            Limit(PARTITION_WRITES * share, plan.partitions) for _ in range(3)
        )
        self.image_reads = Limit(PARTITION_READS * share, plan.partitions)
        self.list_writes = Limit(PARTITION_WRITES * share, SHARDS)
        self.counter_writes = Limit(PARTITION_WRITES * share)
        self.puts = Limit(PREFIX_PUTS * share, plan.prefixes)
        self.detections = Limit(plan.rekognition * share)

    def call(self, operation: str, *wanted: tuple[Limit, str], tries: int = TRIES) -> None:
        """Takes its time, and comes through when every limit has room; else it is tried again as the SDK does."""
        for attempt in range(tries):
            self.timeline.sleep(SECONDS[operation])
            now = self.timeline.now
            if all(limit.has(key, now) >= 1 for limit, key in wanted):
                for limit, key in wanted:
                    limit.take(key, now)
                return
            self.seen["throttled"] += 1
            self.timeline.sleep(self.chance.random() * min(2**attempt, 20))
        raise Throttled(operation)


@dataclass(frozen=True)
class Images:
    cloud: Cloud

    def get(self, image_hash: str) -> Image | None:
        self.cloud.call("GetItem", (self.cloud.image_reads, image_hash))
        return self.cloud.images.get(image_hash)

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

    def release(self, image_hash: str, owner: str, *, refund: bool, bytes_missing: bool = False) -> None:
        self.cloud.call("UpdateItem", (self.cloud.image_writes, image_hash))
        image = self.cloud.images[image_hash]
        self.cloud.images[image_hash] = replace(image, attempts=image.attempts - refund, lease_until=None)

    def finish(self, image_hash: str, scan: Scan) -> Image:
        self.cloud.call("UpdateItem", (self.cloud.image_writes, image_hash))
        self.cloud.images[image_hash] = replace(self.cloud.images[image_hash], scan=scan, lease_until=None)
        return self.cloud.images[image_hash]


@dataclass(frozen=True)
class Requests:
    cloud: Cloud

    def put(self, request: ScanRequest) -> ScanRequest:
        cloud = self.cloud
        wanted = [(cloud.request_writes, request.id), (cloud.list_writes, request.id[-1])]
        if request.answer:
            cloud.call("PutItem", *wanted)
            cloud.answered[request.id] = cloud.timeline.now
        else:
            cloud.call("PutItem", *wanted, (cloud.waiting_writes, request.image_hash))
            cloud.waiting.setdefault(request.image_hash, {})[request.id] = request
        return request

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        self.cloud.call("Query")
        return iter(list(self.cloud.waiting.get(image_hash, {}).values()))

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        cloud = self.cloud
        rows = [(cloud.request_writes, each.id) for each in requests]
        of_index = [(cloud.waiting_writes, each.image_hash) for each in requests]
        if len(requests) == 1:
            cloud.call("UpdateItem", *rows, *of_index)
        else:  # a transaction costs double
            cloud.call("TransactWriteItems", *rows * 2, *of_index * 2)
        for each in requests:
            del cloud.waiting[each.image_hash][each.id]
            cloud.answered[each.id] = cloud.timeline.now


@dataclass(frozen=True)
class Bucket:
    cloud: Cloud

    def put(self, image: ValidatedImage, request_id: str) -> None:
        self.cloud.call("PutObject", (self.cloud.puts, image.hash), tries=2)
        message = Message(self.cloud.timeline.now + ON_ITS_WAY, request_id, s3_event_message(image.key))
        self.cloud.queue.send(message)

    def find(self, key: str) -> StoredObject | None:
        self.cloud.call("HeadObject")
        return StoredObject(key, "v1", key[7:71], None)


@dataclass(frozen=True)
class Detector:
    cloud: Cloud

    def detect(self, stored: StoredObject) -> Detection:
        try:
            self.cloud.call("DetectLabels", (self.cloud.detections, ""), tries=1)
        except Throttled:
            self.cloud.seen["refused by Rekognition"] += 1
            raise TransientDetectorError("ProvisionedThroughputExceededException") from None
        self.cloud.seen["detections"] += 1
        return Detection(LABELS, "3.0")


@dataclass(frozen=True)
class DaysCalls:
    """The one row that counts a day's calls."""

    cloud: Cloud

    def take(self, now: float) -> bool:
        self.cloud.call("UpdateItem", (self.cloud.counter_writes, ""), tries=1)
        return True

    def give_back(self, now: float) -> None:
        self.cloud.call("UpdateItem", (self.cloud.counter_writes, ""), tries=1)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What became of a plan: shares of the POSTs, and seconds from a POST to its stored answer.

    ``calls`` are Rekognition's for each image that was scanned. What is ``waiting`` was scanned or will be, and the
    sweeper stores its answer; a GET tells it before that.
    """

    answered: float
    refused: float
    waiting: float
    median: float
    slowest_percent: float
    throttled: float
    left_in_queue: int
    dead: int
    calls: float


def outlook(plan: Plan) -> Outlook:
    """Runs the plan: its POSTs come at random, and the run ends when the queue is empty or a minute later."""
    timeline = Timeline()
    cloud = Cloud(plan, timeline)
    chance = random.Random(plan.name)  # noqa: S311 - repeatable
    posts, scanners = round(plan.rate * plan.share * plan.seconds), round(plan.concurrency * plan.share)
    times = sorted(chance.uniform(0, plan.seconds) for _ in range(posts))
    posted = {sha256(str(number).encode()).hexdigest(): at for number, at in enumerate(times)}
    timeline.start(partial(_arrive, cloud, posted))
    for scanner in range(scanners):
        timeline.start(partial(_poll, cloud, posts), scanner * IDLE_POLL / scanners)
    timeline.run()
    return _told(cloud, posted)


def _arrive(cloud: Cloud, posted: dict[str, float]) -> None:
    for request_id, at in posted.items():
        cloud.timeline.sleep(at - cloud.timeline.now)
        cloud.timeline.start(partial(_post, cloud, request_id))


def _post(cloud: Cloud, request_id: str) -> None:
    """A POST, as its handler does it."""
    now = cloud.timeline.now
    image_hash = ONE_PICTURE if cloud.plan.same_picture else request_id
    image = ValidatedImage(b"", ImageType.JPEG, 640, 480, image_hash)
    request = ScanRequest(request_id, image.hash, image.key, Question(("cat",), 90.0), now, now + 3600)
    collaborators: dict[str, Any] = {"images": Images(cloud), "requests": Requests(cloud), "bucket": Bucket(cloud)}
    try:
        submit_request(request, image, **collaborators, now=now)
    except Throttled:
        cloud.seen["refused"] += 1
    cloud.seen["posted"] += 1


def _poll(cloud: Cloud, posts: int) -> None:
    """One of the scanner's invocations at a time, as the event source mapping makes them."""
    last = cloud.plan.seconds + 60
    while cloud.timeline.now < last and not (cloud.seen["posted"] == posts and cloud.queue.is_empty):
        batch = cloud.queue.receive(cloud.timeline.now)
        if batch:
            _invoke(cloud, batch)
        else:
            cloud.timeline.sleep(IDLE_POLL)


def _invoke(cloud: Cloud, batch: list[Message]) -> None:
    outcomes: dict[str, Outcome] = {}
    collaborators: dict[str, Any] = {
        "images": Images(cloud),
        "requests": Requests(cloud),
        "bucket": Bucket(cloud),
        "detector": Detector(cloud),
        "budget": _budget(cloud),
    }
    scanner = Scanner(**collaborators, clock=cloud.timeline.time, time_left=lambda: 60.0)

    def scan(message: Message) -> None:
        [key] = image_keys(message.body)
        try:
            outcomes[message.id] = scanner.scan(key, owner=f"{message.id} {message.receives}")
        except Throttled as error:
            outcomes[message.id] = Outcome(key, OutcomeKind.UNEXPECTED_ERROR, error=error)

    cloud.timeline.all_of([partial(scan, message) for message in batch])
    judged = [MessageResult(Delivery(each.id, "", each.body, each.receives), (outcomes[each.id],)) for each in batch]
    delays = {each.message.id: each.delay_seconds for each in judged if not each.is_done}
    cloud.queue.answer(batch, delays.keys(), delays, cloud.timeline.now)


def _budget(cloud: Cloud) -> Any:
    return DaysCalls(cloud) if cloud.plan.counts_the_day else UnlimitedQuota()


def _told(cloud: Cloud, posted: dict[str, float]) -> Outlook:
    times = sorted(at - posted[request_id] for request_id, at in cloud.answered.items())
    hundredths = quantiles(times, n=100)
    scanned = sum(image.scan is not None for image in cloud.images.values())
    return Outlook(
        answered=len(times) / len(posted),
        refused=cloud.seen["refused"] / len(posted),
        waiting=sum(map(len, cloud.waiting.values())) / len(posted),
        median=hundredths[49],
        slowest_percent=hundredths[98],
        throttled=cloud.seen["throttled"] / len(posted),
        left_in_queue=cloud.queue.depth,
        dead=len(cloud.queue.dead),
        calls=(cloud.seen["detections"] + cloud.seen["refused by Rekognition"]) / scanned,
    )


_LARGE = Plan("10,000/s, quota and scanners alone", 10_000, 4, 15_000, 1000, share=0.1)
_WARM = replace(_LARGE, name="10,000/s, and tables warmed to 40 partitions", partitions=40)
_SPREAD = replace(_WARM, name="10,000/s, and 8 partitions in S3", prefixes=8)
_ONE_PICTURE = replace(_SPREAD, name="one new picture, 900 POSTs a second", rate=900, same_picture=True)
PLANS = (
    Plan("1/s, as delivered", 1, 120, 50, 5),
    Plan("100/s, as delivered", 100, 20, 50, 5),
    Plan("100/s, quota 150, 15 scanners", 100, 20, 150, 15),
    _LARGE,
    _WARM,
    _SPREAD,
    replace(_SPREAD, name="10,000/s, and DailyRekognitionLimit", counts_the_day=True),
    _ONE_PICTURE,
    replace(_ONE_PICTURE, name="one new picture, 4,000 POSTs a second", rate=4000),
)


def main() -> int:
    """Prints what becomes of each plan."""
    lines = Table("plan", "answered", "refused", "waiting", "median", "99 %", "throttled", "in queue", "dead", box=None)
    for plan in PLANS:
        seen = outlook(plan)
        lines.add_row(
            plan.name,
            f"{seen.answered:.1%}",
            f"{seen.refused:.1%}",
            f"{seen.waiting:.1%}",
            f"{seen.median:.2f} s",
            f"{seen.slowest_percent:.2f} s",
            f"{seen.throttled:.2f}",
            str(seen.left_in_queue),
            str(seen.dead),
        )
    Console(width=130).print(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
