"""Every end is announced at least once and counted once, whatever the bus refuses and however often it is told."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagescan.api import serializers
from imagescan.api.request_models import MAX_LABELS, MAX_REFERENCE_BYTES
from imagescan.aws.event_bus import EVENTS_PER_CALL, SOURCE
from imagescan.domain.events import DomainEvent, FinishedRecord, to_event
from imagescan.domain.image_record import ATTEMPTS_EXHAUSTED, Failure, Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.question import MatchMode, Question
from imagescan.domain.scan_request import TIMED_OUT, ScanRequest, with_answer
from imagescan.domain.stats import Totals, count_totals
from imagescan.use_cases.publish_events import publish_events

CAT = Label("Cat", 97.5, aliases=("Feline",))
SCAN = Scan(Status.COMPLETED, 1.0, (CAT,), "3.0", scanned_for="first")
REFUSED = Scan(Status.FAILED, 1.0, failure=Failure("image_invalid", "It is damaged."), scanned_for="first")
EXHAUSTED = Scan(Status.FAILED, 1.0, failure=ATTEMPTS_EXHAUSTED)
CALL_BYTES = 256 * 1024


def ended(scan: Scan | None = SCAN, request_id: str = "first", **changes: Any) -> ScanRequest:
    question = Question(("feline", "car"), 90, MatchMode.ALL)
    request = ScanRequest(request_id, "h", "images/h.jpg", question, created_at=0.5, deadline=60, reference="order 7")
    found = with_answer(replace(request, **changes), Image("h", scan=scan), now=1e6)
    assert found
    return found


@dataclass
class FakeBus:
    """Each call refuses the requests that the next of ``refusals`` names; then it takes all."""

    refusals: list[set[str]] = field(default_factory=list)
    took: list[str] = field(default_factory=list)

    def send(self, announcements: Mapping[int, DomainEvent]) -> set[int]:
        refused = self.refusals.pop(0) if self.refusals else set()
        ids = {key: str(each.detail["request_id"]) for key, each in announcements.items()}
        self.took += [each for each in ids.values() if each not in refused]
        return {key for key, each in ids.items() if each in refused}


@dataclass
class FakeCounters:
    """Counts each token once."""

    counted: dict[str, Totals] = field(default_factory=dict)

    def add(self, totals: Totals, token: str) -> None:
        self.counted.setdefault(token, totals)

    def sum(self) -> Totals:
        added = [asdict(each) for each in self.counted.values()]
        return Totals(**{name: sum(each[name] for each in added) for name in asdict(Totals())})


def told(*what: ScanRequest | Image) -> list[FinishedRecord]:
    return [FinishedRecord(f"record-{at}", f"place-{at}", each) for at, each in enumerate(what)]


def test_an_event_has_the_requests_own_words_and_its_answer() -> None:
    assert to_event(ended()) == DomainEvent(
        "Scan Completed",
        {
            "request_id": "first",
            "reference": "order 7",
            "status": "completed",
            "image_hash": "h",
            "label_matched": False,
            "labels_asked": ["feline", "car"],
            "match_mode": "all",
            "min_confidence": 90,
            "results": [
                {"label": "feline", "matched": True, "matched_by": "alias", "confidence": 97.5},
                {"label": "car", "matched": False, "matched_by": None, "confidence": None},
            ],
            "failure": None,
            "created_at": "1970-01-01T00:00:00.500Z",
            "completed_at": "1970-01-01T00:00:01.000Z",
        },
    )


@pytest.mark.parametrize(("scan", "failure"), [(None, TIMED_OUT), (REFUSED, REFUSED.failure)])
def test_a_failure_is_announced_as_one_and_is_never_a_no(scan: Scan | None, failure: Failure) -> None:
    event = to_event(ended(scan))
    assert event.type == "Scan Failed"
    assert event.detail["failure"] == asdict(failure)
    assert (event.detail["label_matched"], event.detail["results"]) == (None, [])


def test_the_largest_events_that_can_be_fit_a_call() -> None:
    labels = tuple(chr(at % 8 + 1) * 99 + chr(at + 1) for at in range(MAX_LABELS))  # six bytes a character in JSON
    seen = tuple(Label(name, 99.123456) for name in labels)
    largest = to_event(
        ended(
            replace(SCAN, labels=seen),
            reference="\x01" * MAX_REFERENCE_BYTES,
            question=Question(labels, 99.123456),
            request_id="0" * 36,
            image_hash="0" * 64,
        )
    )
    detail = json.dumps(largest.detail, ensure_ascii=False, separators=(",", ":"))
    assert EVENTS_PER_CALL * len((SOURCE + largest.type + detail).encode()) <= CALL_BYTES


@pytest.mark.parametrize(
    ("what", "totals"),
    [
        ([], Totals()),
        ([ended()], Totals(completed=1)),
        ([ended(request_id="second")], Totals(completed=1, scans_avoided=1)),
        ([ended(None)], Totals(failed=1)),
        ([ended(REFUSED), ended(REFUSED, "second")], Totals(failed=2, scans_avoided=1)),
        ([ended(EXHAUSTED)], Totals(failed=1)),
        ([Image("h", attempts=2, scan=SCAN), Image("i", attempts=1, scan=REFUSED)], Totals(images=2, scans=3)),
    ],
)
def test_what_is_counted(what: list[ScanRequest | Image], totals: Totals) -> None:
    assert count_totals(what) == totals


def test_stats_say_when_they_held() -> None:
    assert serializers.stats_body(Totals(images=1, scans=2, completed=3, failed=4, scans_avoided=5), now=0.5) == {
        "images": 1,
        "requests": 7,
        "completed": 3,
        "failed": 4,
        "scans": 2,
        "scans_avoided": 5,
        "as_of": "1970-01-01T00:00:00.500Z",
    }


def test_what_follows_a_refused_event_is_told_again_and_only_what_precedes_it_is_counted() -> None:
    bus, counters = FakeBus([{"b"}]), FakeCounters()
    ends = told(*(ended(request_id=each) for each in "abc"))
    assert publish_events(ends, bus=bus, counters=counters) == "place-1"
    assert (bus.took, counters.sum().completed) == (["a", "c"], 1)


def test_when_the_first_is_refused_nothing_is_counted() -> None:
    counters = FakeCounters()
    assert publish_events(told(ended()), bus=FakeBus([{"first"}]), counters=counters) == "place-0"
    assert counters.counted == {}


def test_images_are_counted_and_not_announced() -> None:
    bus, counters = FakeBus(), FakeCounters()
    assert publish_events(told(Image("h", attempts=1, scan=SCAN)), bus=bus, counters=counters) is None
    assert (bus.took, counters.sum()) == ([], Totals(images=1, scans=1))


def test_other_records_have_another_token() -> None:
    counters = FakeCounters()
    for ends in (told(ended(), ended()), told(ended())):
        publish_events(ends, bus=FakeBus(), counters=counters)
    assert len(counters.counted) == 2


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=6), st.integers(1, 3))
def test_every_end_is_announced_and_counted_once_whatever_is_refused(refusals: list[set[str]], tellings: int) -> None:
    bus, counters, ends = FakeBus(refusals), FakeCounters(), told(*(ended(request_id=each) for each in "abcdef"))
    while ends:
        for _ in range(tellings):  # the function's answer may be lost, so that it is told the same again
            place = publish_events(ends, bus=FakeBus([*bus.refusals[:1]], bus.took), counters=counters)
        bus.refusals = bus.refusals[1:]
        ends = [] if place is None else ends[[each.place for each in ends].index(place) :]
    assert set(bus.took) == set("abcdef")
    assert counters.sum() == count_totals([ended(request_id=each) for each in "abcdef"])
