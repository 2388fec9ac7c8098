"""Each finished request is published at least once and counted once, whatever the bus rejects or Lambda retries."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagescan.api.request_models import MAX_LABELS, MAX_REFERENCE_BYTES
from imagescan.aws.event_bus import EVENTS_PER_CALL, EventBus
from imagescan.domain.events import DomainEvent, FinishedRecord, to_event
from imagescan.domain.feature import Feature, item_key
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, Origin, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.moderation import ModerationLabel
from imagescan.domain.question import MatchMode, Question
from imagescan.domain.scan_request import TIMED_OUT, ScanRequest, with_answer
from imagescan.domain.stats import Totals, count_totals
from imagescan.domain.text import TextLine
from imagescan.use_cases.publish_events import publish_events
from testing.fakes import by_feature

if TYPE_CHECKING:
    from imagescan.domain.match import Finding

CAT = Label("Cat", 97.5, aliases=("Feline",))
SCAN = Scan(Status.COMPLETED, 1.0, (CAT,), "3.0", scanned_for="first")
REJECTED = Scan(Status.FAILED, 1.0, failure=Failure("image_invalid", "The image is corrupt."), scanned_for="first")
COPY = replace(SCAN, origin=Origin(0.5), content_hash="cd" * 32)
TEXT_COPY = replace(COPY, feature=Feature.TEXT, findings=())
EXHAUSTED = Scan(Status.FAILED, 1.0, failure=ATTEMPTS_EXHAUSTED)
MAX_CALL_BYTES = 256 * 1024


def finished(scan: Scan | None = SCAN, request_id: str = "first", **changes: Any) -> ScanRequest:
    question = Question(("feline", "car"), 90, MatchMode.ALL)
    request = ScanRequest(request_id, "h", "images/h.jpg", question, created_at=0.5, deadline=60, reference="order 7")
    answered = with_answer(replace(request, **changes), by_feature(Image("h", scan=scan)), now=1e6)
    assert answered
    return answered


@dataclass
class FakeBus:
    """A bus whose next calls reject the requests in the next sets of ``rejections``."""

    rejections: list[set[str]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def publish(self, events: Mapping[int, DomainEvent]) -> set[int]:
        rejected = self.rejections.pop(0) if self.rejections else set()
        ids = {key: str(event.detail["request_id"]) for key, event in events.items()}
        self.accepted += [request_id for request_id in ids.values() if request_id not in rejected]
        return {key for key, request_id in ids.items() if request_id in rejected}


@dataclass
class FakeCounters:
    """Counters that count each token once."""

    counted: dict[str, Totals] = field(default_factory=dict)

    def add(self, totals: Totals, token: str) -> None:
        self.counted.setdefault(token, totals)

    def sum(self) -> Totals:
        added = [asdict(each) for each in self.counted.values()]
        return Totals(**{name: sum(each[name] for each in added) for name in asdict(Totals())})


def records_of(*entities: ScanRequest | Image) -> list[FinishedRecord]:
    return [FinishedRecord(f"record-{at}", f"sequence-{at}", each) for at, each in enumerate(entities)]


def test_an_event_contains_the_question_and_the_answer() -> None:
    assert to_event(finished()) == DomainEvent(
        "Scan Completed",
        {
            "request_id": "first",
            "reference": "order 7",
            "status": "completed",
            "image_hash": "h",
            "label_matched": False,
            "features": ["labels"],
            "labels_asked": ["feline", "car"],
            "moderation_asked": [],
            "text_asked": [],
            "match_mode": "all",
            "min_confidence": 90,
            "results": [
                {
                    "feature": "labels",
                    "label": "feline",
                    "matched": True,
                    "matched_by": "alias",
                    "confidence": 97.5,
                },
                {"feature": "labels", "label": "car", "matched": False, "matched_by": None, "confidence": None},
            ],
            "failure": None,
            "created_at": "1970-01-01T00:00:00.500Z",
            "completed_at": "1970-01-01T00:00:01.000Z",
        },
    )


@pytest.mark.parametrize(("scan", "failure"), [(None, TIMED_OUT), (REJECTED, REJECTED.failure)])
def test_the_event_of_a_failed_request_has_a_failure_and_no_verdict(scan: Scan | None, failure: Failure) -> None:
    event = to_event(finished(scan))
    assert event.type == "Scan Failed"
    assert event.detail["failure"] == asdict(failure)
    assert (event.detail["label_matched"], event.detail["results"]) == (None, [])


def largest_event() -> DomainEvent:
    names = tuple(chr(at % 8 + 1) * 99 + chr(at + 1) for at in range(MAX_LABELS))  # six bytes per character in JSON
    others = ((Feature.MODERATION, names), (Feature.TEXT, names))
    corners = ((0.0, 0.0),) * 4
    findings: dict[Feature, tuple[Finding, ...]] = {
        Feature.LABELS: tuple(Label(name, 99.123456) for name in names),
        Feature.MODERATION: tuple(ModerationLabel(name, 99.123456) for name in names),
        Feature.TEXT: tuple(TextLine(name, 99.123456, corners) for name in names),
    }
    items = {
        feature: Image(item_key("0" * 64, feature), scan=replace(SCAN, findings=found, feature=feature))
        for feature, found in findings.items()
    }
    question = Question(names, 99.123456, others=others)
    reference = "\x01" * MAX_REFERENCE_BYTES
    request = ScanRequest("0" * 36, "0" * 64, "images/h.jpg", question, 0.5, deadline=60, reference=reference)
    answered = with_answer(request, items, now=1e6)
    assert answered
    return to_event(answered)


@dataclass
class FakeEvents:
    """The EventBridge client. ``calls`` holds the entries of each call."""

    calls: list[list[dict[str, str]]] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        self.calls.append(Entries)
        return {"Entries": [{} for _ in Entries]}


@pytest.mark.parametrize(("event", "count", "calls"), [(largest_event(), 10, 5), (to_event(finished()), 25, 3)])
def test_events_are_published_in_order_in_as_few_calls_as_their_sizes_allow(
    event: DomainEvent, count: int, calls: int
) -> None:
    client: Any = FakeEvents()
    events = {at: replace(event, detail={**event.detail, "at": at}) for at in range(count)}
    assert EventBus(client, "bus").publish(events) == set()
    assert [json.loads(entry["Detail"])["at"] for call in client.calls for entry in call] == list(range(count))
    sizes = [
        sum(len((each["Source"] + each["DetailType"] + each["Detail"]).encode()) for each in call)
        for call in client.calls
    ]
    assert (len(client.calls), max(map(len, client.calls)) <= EVENTS_PER_CALL) == (calls, True)
    assert max(sizes) <= MAX_CALL_BYTES


@pytest.mark.parametrize(
    ("entities", "totals"),
    [
        ([], Totals()),
        ([finished()], Totals(completed=1)),
        ([finished(request_id="second")], Totals(completed=1, scans_avoided=1)),
        ([finished(None)], Totals(failed=1)),
        ([finished(REJECTED), finished(REJECTED, "second")], Totals(failed=2, scans_avoided=1)),
        ([finished(EXHAUSTED)], Totals(failed=1)),
        ([Image("h", attempts=2, scan=SCAN), Image("i", attempts=1, scan=REJECTED)], Totals(images=2, scans=3)),
        ([Image("h", scan=COPY)], Totals(images=1, copies=1)),
        ([Image("h", attempts=1, scan=COPY)], Totals(images=1, scans=1, copies=1)),  # an earlier attempt was billed
        ([Image("h", scan=COPY), finished(COPY)], Totals(images=1, completed=1, copies=1)),
        ([finished(COPY, "second")], Totals(completed=1, scans_avoided=1)),
        ([Image("h#text", scan=TEXT_COPY)], Totals(images=1, copies=1, text_images=1, text_copies=1)),
    ],
)
def test_totals_count_images_billed_calls_answers_and_avoided_scans(
    entities: list[ScanRequest | Image], totals: Totals
) -> None:
    assert count_totals(entities) == totals


def test_records_from_the_first_rejected_event_are_retried_and_only_earlier_ones_are_counted() -> None:
    bus, counters = FakeBus([{"b"}]), FakeCounters()
    records = records_of(*(finished(request_id=each) for each in "abc"))
    assert publish_events(records, bus=bus, counters=counters) == "sequence-1"
    assert (bus.accepted, counters.sum().completed) == (["a", "c"], 1)


def test_nothing_is_counted_if_the_first_event_is_rejected() -> None:
    counters = FakeCounters()
    assert publish_events(records_of(finished()), bus=FakeBus([{"first"}]), counters=counters) == "sequence-0"
    assert counters.counted == {}


def test_images_are_counted_but_not_published() -> None:
    bus, counters = FakeBus(), FakeCounters()
    assert publish_events(records_of(Image("h", attempts=1, scan=SCAN)), bus=bus, counters=counters) is None
    assert (bus.accepted, counters.sum()) == ([], Totals(images=1, scans=1))


def test_different_records_have_different_tokens() -> None:
    counters = FakeCounters()
    for records in (records_of(finished(), finished()), records_of(finished())):
        publish_events(records, bus=FakeBus(), counters=counters)
    assert len(counters.counted) == 2


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=6), st.integers(1, 3))
def test_each_finished_request_is_published_and_counted_once_whatever_is_rejected_or_repeated(
    rejections: list[set[str]], deliveries: int
) -> None:
    bus, counters, records = (
        FakeBus(rejections),
        FakeCounters(),
        records_of(*(finished(request_id=i) for i in "abcdef")),
    )
    while records:
        for _ in range(deliveries):  # the response may be lost, after which Lambda delivers the same records again
            retry_from = publish_events(records, bus=FakeBus([*bus.rejections[:1]], bus.accepted), counters=counters)
        bus.rejections = bus.rejections[1:]
        sequence_numbers = [record.sequence_number for record in records]
        records = [] if retry_from is None else records[sequence_numbers.index(retry_from) :]
    assert set(bus.accepted) == set("abcdef")
    assert counters.sum() == count_totals([finished(request_id=each) for each in "abcdef"])
