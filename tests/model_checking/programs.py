"""The production code as the explorer runs it: one program for each way into the service.

Code between two calls is a function of the answers it got so far. So a program is run again from its start, its calls
answered from a log, until it makes a call that the log does not answer: that is where it stands. What was run once is
remembered, and no thread or greenlet is needed to hold code in the middle.

The scanner is run from its Lambda handler, in the private copy of the modules that ``production`` makes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, Self

from imagescan.domain.errors import NotFound
from imagescan.domain.image import DeclaredImage, ValidatedImage
from imagescan.domain.image_header import ImageType
from imagescan.domain.question import Question
from imagescan.domain.scan_message import ScanMessage
from imagescan.domain.scan_request import ScanRequest
from imagescan.handlers import scanner as handler
from imagescan.use_cases import scan_batch
from imagescan.use_cases.delete_request import delete_request
from imagescan.use_cases.get_request import get_request, request_not_found
from imagescan.use_cases.get_requests import get_requests
from imagescan.use_cases.purge_deleted_images import purge_deleted_images
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import UnlimitedQuota
from imagescan.use_cases.submit_request import submit_request
from imagescan.use_cases.sweep import sweep
from tests.model_checking.calls import OWNER, Call
from tests.model_checking.clock import read_clock, time_left
from tests.model_checking.daily_calls import DailyCalls
from tests.model_checking.detector import Detector
from tests.model_checking.image_bucket import ImageBucket
from tests.model_checking.images_table import ImagesTable
from tests.model_checking.requests_table import RequestsTable
from tests.model_checking.scan_queue import ScanQueue
from tests.model_checking.world import Ask, key_for

DEADLINE_SECONDS = 3600.0
MAIN = 0  # a program's own strand; those of a batch, one for each image, count from 1


@dataclass(frozen=True, slots=True)
class Answered:
    """A call's answer, or what a program ended with."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception, made anew each time it is raised so that none collects tracebacks."""

    make: Callable[[], Exception]

    def __str__(self) -> str:
        return repr(self.make())


type Entry = Answered | Raised
type Log = tuple[Entry, ...]


class Suspended(BaseException):
    """The code has come to calls that are not answered yet. Not an Exception: no handler of the code may catch it."""


class Program(Protocol):
    @property
    def limit(self) -> float:
        """Seconds that Lambda gives it."""

    def run(self, run: "Run") -> Any: ...


@dataclass(slots=True)
class Run:
    """One run of a program against the logs of its strands; ``pending`` are the calls where it stopped."""

    logs: dict[int, Log]
    pending: dict[int, Call] = field(default_factory=dict)
    strand: int = MAIN
    at: dict[int, int] = field(default_factory=dict)

    def call(self, call: Call) -> Any:
        log, at = self.logs.get(self.strand, ()), self.at.get(self.strand, 0)
        if at == len(log):
            self.pending[self.strand] = call
            raise Suspended
        self.at[self.strand] = at + 1
        entry = log[at]
        if isinstance(entry, Raised):
            raise entry.make()
        return entry.value

    def clock(self) -> float:
        return float(self.call(read_clock()))

    def time_left(self) -> float:
        return float(self.call(time_left()))


@dataclass(slots=True)
class Strands:
    """Stands for the batch's thread pool: what its threads do is interleaved by the explorer instead."""

    run: Run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map[Item, End](self, function: Callable[[Item], End], items: Iterable[Item]) -> Sequence[End]:
        ends = []
        for self.run.strand, item in enumerate(items, MAIN + 1):
            with suppress(Suspended):
                ends.append(function(item))
        self.run.strand = MAIN
        if self.run.pending:
            raise Suspended
        return ends


@dataclass(frozen=True, slots=True)
class Submit:
    """Somebody asks something; ``number`` tells one call from another. A repeated key is a repeated request."""

    number: int
    ask: Ask
    now: float
    limit: float = 20

    @property
    def request(self) -> ScanRequest:
        return ScanRequest(
            id=self.ask.key or f"r{self.number}",
            image_hash=self.ask.image,
            image_key=key_for(self.ask.image),
            question=Question((self.ask.label,), 90.0),
            created_at=self.now,
            deadline=self.now + DEADLINE_SECONDS,
            awaits_upload=self.ask.is_direct,
            payload_hash=f"{self.ask.image} {self.ask.label}" if self.ask.key else None,
        )

    def run(self, run: Run) -> Any:
        return submit_request(
            self.request,
            _announced(self.ask.image) if self.ask.is_direct else _posted(self.ask.image),
            images=ImagesTable(run.call),
            requests=RequestsTable(run.call),
            bucket=ImageBucket(run.call),
            now=self.now,
        )

    def __str__(self) -> str:
        return f"submit {self.number}"


def _posted(image_hash: str) -> ValidatedImage:
    return ValidatedImage(b"", ImageType.JPEG, 80, 80, image_hash)


def _announced(image_hash: str) -> DeclaredImage:
    return DeclaredImage(image_hash, 1, ImageType.JPEG)


@dataclass(frozen=True, slots=True)
class Poll:
    """Somebody asks how a request stands."""

    request_id: str
    now: float
    limit: float = 10

    def run(self, run: Run) -> Any:
        return get_request(
            self.request_id, images=ImagesTable(run.call), requests=RequestsTable(run.call), now=self.now
        )

    def __str__(self) -> str:
        return f"status of {self.request_id}"


@dataclass(frozen=True, slots=True)
class PollOfMany(Poll):
    """Somebody asks how requests stand, this one among them."""

    def run(self, run: Run) -> Any:
        tables: dict[str, Any] = {"images": ImagesTable(run.call), "requests": RequestsTable(run.call)}
        stand = get_requests([self.request_id], **tables, now=self.now, caller=None)
        if self.request_id not in stand:
            raise request_not_found()
        return stand[self.request_id]

    def __str__(self) -> str:
        return f"status of {self.request_id} and others"


@dataclass(frozen=True, slots=True)
class Delete:
    """Somebody deletes a request."""

    request_id: str
    now: float
    limit: float = 10

    def run(self, run: Run) -> Any:
        return delete_request(
            self.request_id, images=ImagesTable(run.call), requests=RequestsTable(run.call), now=self.now
        )

    def __str__(self) -> str:
        return f"deletion of {self.request_id}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the sweeper's handler does, in its order. It looks for images to remove where any can be marked."""

    forgets: bool = False
    limit: float = 110

    def run(self, run: Run) -> Any:
        tables: dict[str, Any] = {"images": ImagesTable(run.call), "requests": RequestsTable(run.call)}
        times: dict[str, Any] = {"clock": run.clock, "time_left": run.time_left}
        sweep(**tables, queue=ScanQueue(run.call), **times)
        if self.forgets:
            purge_deleted_images(**tables, bucket=ImageBucket(run.call), **times)

    def __str__(self) -> str:
        return "sweeper"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The scanner's handler with a batch of messages, numbered."""

    bodies: tuple[str, ...]
    daily_rekognition_limit: int = 0
    limit: float = 60

    def run(self, run: Run) -> Any:
        stand_ins = {
            "collaborators": lambda: {
                "images": ImagesTable(run.call),
                "requests": RequestsTable(run.call),
                "bucket": ImageBucket(run.call),
                "detector": Detector(run.call),
                "budget": DailyCalls(run.call, self.daily_rekognition_limit)
                if self.daily_rekognition_limit
                else UnlimitedQuota(),
            },
            "settings": lambda: SimpleNamespace(scan_queue_url=""),
            "clients": SimpleNamespace(sqs=lambda: None),
            "ScanQueue": lambda *_: ScanQueue(run.call),
            "messages_in": lambda _: [ScanMessage(str(at), "", body, 1) for at, body in enumerate(self.bodies)],
            "time": SimpleNamespace(time=run.clock),
            "uuid": SimpleNamespace(uuid4=lambda: OWNER),
            "log_judged": _remember_results,
            "count_judged": lambda _: None,
        }
        for name, stand_in in stand_ins.items():
            setattr(handler, name, stand_in)
        setattr(scan_batch, "ThreadPoolExecutor", lambda **_: Strands(run))  # noqa: B010 - mypy minds an assignment
        return handler.lambda_handler({}, SimpleNamespace(get_remaining_time_in_millis=lambda: run.time_left() * 1000))

    def __str__(self) -> str:
        return "scanner"


results_seen: set[str] = set()
"""What has become of images in any run, by name: an exploration that never sees one of them proves nothing about it."""


def _remember_results(judged: Iterable[MessageResult]) -> None:
    results_seen.update(outcome.result.value for each in judged for outcome in each.outcomes)


class Place:
    """Where a program stands: the calls it waits for, or how it ended. The same logs always lead to the same place."""

    def __init__(self, program: Program, logs: dict[int, Log], number: int) -> None:
        self.program, self.logs, self.number = program, logs, number
        self.pending: dict[int, Call] = {}
        self.end: Entry | None = None
        self._next: dict[tuple[int, Entry], Place] = {}
        self._run()

    def after(self, strand: int, entry: Entry) -> "Place":
        """Where it stands once the call of this strand is answered so."""
        found = self._next.get((strand, entry))
        if found is None:
            logs = {**self.logs, strand: (*self.logs.get(strand, ()), entry)}
            found = self._next[strand, entry] = place(self.program, logs)
        return found

    def _run(self) -> None:
        run = Run(self.logs)
        try:
            self.end = Answered(self.program.run(run))
        except Suspended:
            self.pending = run.pending
        except ServiceError:
            self.end = Raised(ServiceError)
        except NotFound as missing:
            self.end = Raised(partial(NotFound, missing.code, missing.message))


class ServiceError(Exception):
    """Stands for what an AWS client raises when a call fails, its retries included."""


_places: dict[tuple[Program, frozenset[tuple[int, Log]]], Place] = {}


def place(program: Program, logs: dict[int, Log]) -> Place:
    """The one place that a program has come to with these logs."""
    key = program, frozenset(logs.items())
    if key not in _places:
        _places[key] = Place(program, logs, len(_places))
    return _places[key]
