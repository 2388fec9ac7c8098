"""The actors: each runs the production code behind one entry point of the service.

Code between two calls is a function of the results of earlier calls. Therefore an actor is replayed: it runs from the
start with its calls answered from a log, until it makes a call that the log does not answer. That point is its
checkpoint. Checkpoints are cached, and no thread or greenlet is needed to suspend code.

The scanner runs from its Lambda handler, in the private copy of the modules that ``production`` creates.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from io import StringIO
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, Protocol, Self

from rich.console import Console

from imagescan.domain.errors import Conflict, LimitExceeded, NotFound
from imagescan.domain.feature import Feature
from imagescan.domain.image import DeclaredImage, ValidatedImage, upload_key
from imagescan.domain.image_header import ImageType
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest
from imagescan.handlers import scanner as handler
from imagescan.use_cases import scan_batch, sweep
from imagescan.use_cases.delete_request import delete_request
from imagescan.use_cases.get_request import get_request, request_not_found
from imagescan.use_cases.get_requests import get_requests
from imagescan.use_cases.purge_deleted_images import purge_deleted_images
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, Scanner, UnlimitedQuota
from imagescan.use_cases.submit_request import submit_request
from ops.rescan.rescan import rescan
from tests.model_checking.calls import OWNER, Call
from tests.model_checking.clock import ENOUGH_TIME, LOW_TIME, read_clock, time_left
from tests.model_checking.daily_quota import DailyQuota
from tests.model_checking.detector import Detector
from tests.model_checking.image_bucket import ImageBucket
from tests.model_checking.images_table import ImagesTable
from tests.model_checking.requests_table import RequestsTable
from tests.model_checking.scan_queue import ScanQueue
from tests.model_checking.sweep_position import SweepPosition
from tests.model_checking.system_state import CONTENT_HASHES, Submission, key_for

TIMEOUT_SECONDS = 3600.0
RETENTION_SECONDS = DAY_SECONDS
MAIN = 0  # the main thread of an actor; the threads of a batch, one per image, count from 1


@dataclass(frozen=True, slots=True)
class Returned:
    """The return value of a call or of an actor."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception. It is created each time it is raised, so that it does not accumulate tracebacks."""

    make: Callable[[], Exception]

    def __str__(self) -> str:
        return repr(self.make())


type CallResult = Returned | Raised
type Log = tuple[CallResult, ...]


class Suspended(BaseException):
    """The log does not answer the pending calls. Not an Exception, so that no handler in the code catches it."""


class Actor(Protocol):
    @property
    def limit(self) -> float:
        """Return the Lambda timeout in seconds."""

    def run(self, run: "Run") -> Any: ...


@dataclass(slots=True)
class Run:
    """One replay of an actor with the logs of its threads. ``pending`` holds the call where each thread stopped."""

    logs: dict[int, Log]
    pending: dict[int, Call] = field(default_factory=dict)
    thread: int = MAIN
    at: dict[int, int] = field(default_factory=dict)

    def call(self, call: Call) -> Any:
        log, at = self.logs.get(self.thread, ()), self.at.get(self.thread, 0)
        if at == len(log):
            self.pending[self.thread] = call
            raise Suspended
        self.at[self.thread] = at + 1
        result = log[at]
        if isinstance(result, Raised):
            raise result.make()
        return result.value

    def clock(self) -> float:
        return float(self.call(read_clock()))

    def time_left(self) -> float:
        return float(self.call(time_left()))


@dataclass(slots=True)
class Threads:
    """Replaces the thread pool of the batch, because the model checker interleaves its threads."""

    run: Run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map[Item, End](self, function: Callable[[Item], End], items: Iterable[Item]) -> Sequence[End]:
        ends = []
        for self.run.thread, item in enumerate(items, MAIN + 1):
            with suppress(Suspended):
                ends.append(function(item))
        self.run.thread = MAIN
        if self.run.pending:
            raise Suspended
        return ends


@dataclass(frozen=True, slots=True)
class Submit:
    """Submits a request. ``number`` distinguishes submissions. A repeated key repeats the request.

    ``daily_limit`` is that of the caller, or 0.
    """

    number: int
    submission: Submission
    now: float
    daily_limit: int = 0
    limit: float = 20

    @property
    def request(self) -> ScanRequest:
        request_id = self.submission.key or f"r{self.number}"
        image = self.submission.image
        is_direct = self.submission.is_direct
        has_own_object = is_direct or self.submission.features != (Feature.LABELS,)
        return ScanRequest(
            id=request_id,
            image_hash=image,
            image_key=upload_key(request_id, image, ImageType.JPEG) if has_own_object else key_for(image),
            question=_question(self.submission),
            created_at=self.now,
            deadline=self.now + TIMEOUT_SECONDS,
            awaits_upload=is_direct,
            payload_hash=f"{image} {self.submission.label}" if self.submission.key else None,
            owner=self.submission.owner,
            reference=self.submission.claimed,
        )

    def run(self, run: Run) -> Any:
        return submit_request(
            self.request,
            _declared_image(self.submission.image)
            if self.submission.is_direct
            else _validated_image(self.submission.image),
            images=ImagesTable(run.call),
            requests=RequestsTable(run.call),
            bucket=ImageBucket(run.call),
            now=self.now,
            retention_seconds=RETENTION_SECONDS,
            quota=DailyQuota(run.call, self.daily_limit, f"{self.submission.owner} ") if self.daily_limit else None,
        )

    def __str__(self) -> str:
        return f"submit {self.number}"


def _question(submission: Submission) -> Question:
    """Return the question, which is asked of each feature of the submission."""
    asked = (submission.label,)
    others = tuple((feature, asked) for feature in submission.features if feature != Feature.LABELS)
    return Question(asked if Feature.LABELS in submission.features else (), 90.0, others=others)


def _validated_image(image_hash: str) -> ValidatedImage:
    return ValidatedImage(b"", ImageType.JPEG, 80, 80, image_hash, CONTENT_HASHES.get(image_hash))


def _declared_image(image_hash: str) -> DeclaredImage:
    return DeclaredImage(image_hash, 1, ImageType.JPEG)


@dataclass(frozen=True, slots=True)
class Poll:
    """Polls one request."""

    request_id: str
    now: float
    caller: str | None = None
    limit: float = 10

    def run(self, run: Run) -> Any:
        tables: dict[str, Any] = {"images": ImagesTable(run.call), "requests": RequestsTable(run.call)}
        return get_request(self.request_id, **tables, now=self.now, caller=self.caller)

    def __str__(self) -> str:
        return f"status of {self.request_id}"


@dataclass(frozen=True, slots=True)
class BatchPoll(Poll):
    """Polls several requests, including this one."""

    def run(self, run: Run) -> Any:
        tables: dict[str, Any] = {"images": ImagesTable(run.call), "requests": RequestsTable(run.call)}
        states = get_requests([self.request_id], **tables, now=self.now, caller=self.caller)
        if self.request_id not in states:
            raise request_not_found()
        return states[self.request_id]

    def __str__(self) -> str:
        return f"status of {self.request_id} and others"


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes a request."""

    request_id: str
    now: float
    caller: str | None = None
    limit: float = 10

    def run(self, run: Run) -> Any:
        tables: dict[str, Any] = {"images": ImagesTable(run.call), "requests": RequestsTable(run.call)}
        return delete_request(self.request_id, **tables, now=self.now, caller=self.caller)

    def __str__(self) -> str:
        return f"deletion of {self.request_id}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Runs the sweeper. With ``max_pages``, its time suffices only for this many pages."""

    max_pages: int = 0
    limit: float = 110

    def run(self, run: Run) -> Any:
        return sweep.Sweep(
            images=ImagesTable(run.call),
            requests=RequestsTable(run.call),
            queue=ScanQueue(run.call),
            position=SweepPosition(run.call),
            clock=run.clock,
            time_left=_time_for(self.max_pages) if self.max_pages else run.time_left,
            on_error=_ignore,
        ).run()

    def __str__(self) -> str:
        return "sweeper"


def _time_for(pages: int) -> Callable[[], float]:
    """Return a ``time_left`` that suffices for this many pages."""
    times = chain(repeat(ENOUGH_TIME, pages), repeat(LOW_TIME))
    return lambda: next(times)


def _ignore(_item: str, _error: Exception | str) -> None:
    """Ignore a reported error: the invariants show its effects."""


@dataclass(frozen=True, slots=True)
class Purge:
    """Runs the purger."""

    limit: float = 110

    def run(self, run: Run) -> Any:
        return purge_deleted_images(
            images=ImagesTable(run.call),
            requests=RequestsTable(run.call),
            bucket=ImageBucket(run.call),
            clock=run.clock,
            time_left=run.time_left,
            on_error=_ignore,
        )

    def __str__(self) -> str:
        return "purger"


@dataclass(frozen=True, slots=True)
class Rescan:
    """Runs the rescan of the images that failed with this code."""

    failure_code: str
    now: float
    limit: float = 110

    def run(self, run: Run) -> Any:
        tables: dict[str, Any] = {"images": ImagesTable(run.call), "requests": RequestsTable(run.call)}
        console = Console(file=StringIO())
        return rescan(self.failure_code, **tables, console=console, now=self.now, limit=10, apply=True)

    def __str__(self) -> str:
        return "rescan"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Runs the scanner's handler with a batch of messages. Their IDs are their indexes."""

    bodies: tuple[str, ...]
    daily_rekognition_limit: int = 0
    limit: float = 60

    def run(self, run: Run) -> Any:
        limit = self.daily_rekognition_limit
        fakes: dict[str, Any] = {
            "images": ImagesTable(run.call),
            "requests": RequestsTable(run.call),
            "bucket": ImageBucket(run.call),
            "detectors": {feature: Detector(run.call, feature) for feature in Feature},
            "quota": DailyQuota(run.call, limit) if limit else UnlimitedQuota(),
            "queue": ScanQueue(run.call),
        }
        replacements = {
            "dependencies": lambda: handler.Dependencies(**fakes),
            "time": SimpleNamespace(time=run.clock),
            "settings": lambda: SimpleNamespace(retention_seconds=RETENTION_SECONDS),
            "uuid": SimpleNamespace(uuid4=lambda: f"{OWNER}.{run.thread}"),
            "Scanner": partial(Scanner, run_all=_run_in_turn),
            "log_outcomes": _record_outcomes,
            "emit_metrics": lambda _: None,
        }
        for name, replacement in replacements.items():
            setattr(handler, name, replacement)
        setattr(scan_batch, "ThreadPoolExecutor", lambda **_: Threads(run))  # noqa: B010 - mypy rejects an assignment
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: run.time_left() * 1000)
        return handler.lambda_handler(_sqs_event(self.bodies), context)

    def __str__(self) -> str:
        return "scanner"


def _run_in_turn(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """Scan the features of an image in turn. Their writes concern different items, so the order does not matter."""
    return [call() for call in calls]


@cache
def _sqs_event(bodies: tuple[str, ...]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": str(index),
                "receiptHandle": "",
                "attributes": {"ApproximateReceiveCount": "1"},
                "body": body,
            }
            for index, body in enumerate(bodies)
        ]
    }


outcomes_seen: set[str] = set()
"""The outcomes of scans in any run. A model that never produces an outcome proves nothing about it."""


def _record_outcomes(results: Iterable[MessageResult]) -> None:
    outcomes_seen.update(outcome.kind.value for result in results for outcome in result.outcomes)


class Checkpoint:
    """The pending calls of an actor, or its outcome. Equal logs always lead to the same checkpoint."""

    def __init__(self, actor: Actor, logs: dict[int, Log], number: int) -> None:
        self.actor, self.logs, self.number = actor, logs, number
        self.pending: dict[int, Call] = {}
        self.outcome: CallResult | None = None
        self._next: dict[tuple[int, CallResult], Checkpoint] = {}
        self._run()

    def after(self, thread: int, result: CallResult) -> "Checkpoint":
        """Return the checkpoint after the pending call of this thread gets this result."""
        found = self._next.get((thread, result))
        if found is None:
            logs = {**self.logs, thread: (*self.logs.get(thread, ()), result)}
            found = self._next[thread, result] = checkpoint(self.actor, logs)
        return found

    def _run(self) -> None:
        run = Run(self.logs)
        try:
            self.outcome = Returned(self.actor.run(run))
        except Suspended:
            self.pending = run.pending
        except ServiceError:
            self.outcome = Raised(ServiceError)
        except (Conflict, LimitExceeded, NotFound) as error:
            self.outcome = Raised(partial(type(error), error.code, error.message))


class ServiceError(Exception):
    """The exception of an AWS client after a call and its retries failed."""


_checkpoints: dict[tuple[Actor, frozenset[tuple[int, Log]]], Checkpoint] = {}


def checkpoint(actor: Actor, logs: dict[int, Log]) -> Checkpoint:
    """Return the checkpoint of the actor with these logs."""
    key = actor, frozenset(logs.items())
    if key not in _checkpoints:
        _checkpoints[key] = Checkpoint(actor, logs, len(_checkpoints))
    return _checkpoints[key]
