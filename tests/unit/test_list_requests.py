import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from imagescan.domain.cursor import ListPosition
from imagescan.domain.errors import BadInput
from imagescan.domain.feature import Feature
from imagescan.domain.image_record import Image, Possession, PossessionKey, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.list_requests import MAX_QUERIES, ListFilter, ResultPage, list_requests
from testing.fakes import by_feature

NO_POSITIONS = ["nan#r", "inf#r", "-000000001.000#r", "1e3#r", "0000001000.000#", "0000001000.000#" + "r" * 2000]
LATE = 1100 + GRACE_SECONDS
SCAN = Scan(Status.COMPLETED, 1, (Label("Cat", 97),))


def cursor_of(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


def request(number: int, label: str = "cat", image: str = "h") -> ScanRequest:
    at = 1000 + number / 10
    return ScanRequest(f"r{number:04}", image, "k", Question((label,), 90), created_at=at, deadline=at + 60)


@dataclass
class FakeTable:
    """The requests table. ``deleted`` holds the IDs that its index still shows. ``queries`` counts the queries."""

    requests: list[ScanRequest]
    images: dict[str, Image] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    queries: int = 0

    def newest(self, owner: str | None, before: ListPosition | None, since: float, limit: int) -> list[ListPosition]:
        self.queries += 1
        positions = sorted((ListPosition.of(each) for each in self.requests), reverse=True)
        return [at for at in positions if at.created_at >= since and (before is None or at < before)][:limit]

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        return {each.id: each for each in self.requests if each.id in request_ids and each.id not in self.deleted}


@dataclass
class FakeImages:
    items: dict[str, Image]

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        return {key: Possession(*key, since=0, granted_for="") for key in keys}

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        return {each: self.items[each] for each in image_hashes if each in self.items}


def get_page(
    table: FakeTable,
    criteria: ListFilter = ListFilter(),  # noqa: B008 - it is frozen
    limit: int = 25,
    cursor: str | None = None,
) -> ResultPage:
    images = FakeImages(table.images)
    return list_requests(criteria, limit=limit, cursor=cursor, images=images, requests=table, now=1000)


def ids(page: ResultPage) -> list[str]:
    return [state.request.id for state in page.requests]


@dataclass
class SettledMeanwhile(FakeImages):
    """Images that were purged, because their requests were settled after they were read."""

    table: FakeTable = field(default_factory=lambda: FakeTable([]))

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.table.requests = [
            with_answer(each, by_feature(Image("h", scan=SCAN)), LATE) or each for each in self.table.requests
        ]
        return {}


def test_a_request_that_was_settled_and_whose_image_was_purged_meanwhile_has_not_timed_out() -> None:
    table = FakeTable([request(1)])
    images = SettledMeanwhile({}, table)
    found = list_requests(ListFilter(), limit=1, cursor=None, images=images, requests=table, now=LATE).requests
    assert [state.request.answer and state.request.answer.scans for state in found] == [(SCAN,)]


def test_pages_list_each_request_once_and_the_newest_first() -> None:
    table = FakeTable([request(n) for n in range(7)])
    first = get_page(table, limit=3)
    second = get_page(table, limit=3, cursor=first.next_cursor)
    third = get_page(table, limit=3, cursor=second.next_cursor)
    assert [ids(page) for page in (first, second, third)] == [
        ["r0006", "r0005", "r0004"],
        ["r0003", "r0002", "r0001"],
        ["r0000"],
    ]
    assert third.next_cursor is None


def test_newer_requests_do_not_move_a_cursor() -> None:
    table = FakeTable([request(n) for n in range(6)])
    first = get_page(table, limit=3)
    table.requests.append(request(9))
    assert ids(get_page(table, limit=3, cursor=first.next_cursor)) == ["r0002", "r0001", "r0000"]


def test_requests_of_the_same_millisecond_are_listed_exactly_once() -> None:
    same_time = [
        ScanRequest(f"r{n}", "h", "k", Question(("cat",), 90), created_at=1000, deadline=2000) for n in range(9)
    ]
    table, found, cursor = FakeTable(same_time), [], None
    for _ in range(9):
        page = get_page(table, limit=2, cursor=cursor)
        found += ids(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(found) == [f"r{n}" for n in range(9)]


def test_the_status_filter_applies_to_the_derived_status() -> None:
    table = FakeTable([request(1), request(2, image="other")], {"h": Image("h", scan=SCAN)})
    assert ids(get_page(table, ListFilter(status=Status.COMPLETED))) == ["r0001"]
    assert ids(get_page(table, ListFilter(status=Status.PENDING))) == ["r0002"]


def test_only_requests_that_match_the_filter_are_listed() -> None:
    table = FakeTable([request(1), request(2, "dog"), request(3, "Dog")])
    assert ids(get_page(table, ListFilter(label=" DOG "))) == ["r0003", "r0002"]
    assert ids(get_page(table, ListFilter(since=1000.2))) == ["r0003", "r0002"]


def test_a_selective_filter_makes_a_bounded_number_of_queries_and_continues_on_the_next_page() -> None:
    table = FakeTable([request(n, "dog" if n == 0 else "cat") for n in range(700)])
    first = get_page(table, ListFilter(label="dog"))
    assert (ids(first), table.queries) == ([], MAX_QUERIES)
    assert ids(get_page(table, ListFilter(label="dog"), cursor=first.next_cursor)) == ["r0000"]


def test_a_request_that_was_deleted_meanwhile_is_omitted() -> None:
    assert ids(get_page(FakeTable([request(1), request(2)], deleted={"r0002"}))) == ["r0001"]


@pytest.mark.parametrize("cursor", ["nonsense", "*", "a", "bm90IGEgcG9zaXRpb24", "ÿ", *map(cursor_of, NO_POSITIONS)])
def test_an_invalid_cursor_is_rejected(cursor: str) -> None:
    with pytest.raises(BadInput) as raised:
        get_page(FakeTable([]), cursor=cursor)
    assert raised.value.code == "invalid_cursor"


@pytest.mark.parametrize(
    ("feature", "found"),
    [(Feature.LABELS, ["r0002", "r0000"]), (Feature.MODERATION, ["r0002"]), (Feature.TEXT, ["r0002", "r0001"])],
)
def test_a_list_is_filtered_by_a_feature_that_a_request_needs(feature: Feature, found: list[str]) -> None:
    for_text = Question((), 90, others=((Feature.TEXT, ("sale",)),))
    for_all = Question(("cat",), 90, others=((Feature.MODERATION, ()), (Feature.TEXT, ())))
    questions = [request(0).question, for_text, for_all]
    table = FakeTable([replace(request(at), question=question) for at, question in enumerate(questions)])
    assert ids(get_page(table, ListFilter(feature=feature))) == found


def test_the_items_of_all_features_of_a_page_are_read_at_once() -> None:
    @dataclass
    class CountingImages(FakeImages):
        reads: list[Sequence[str]] = field(default_factory=list)

        def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
            self.reads.append(keys)
            return super().get_many(keys)

    for_text = replace(request(1), question=Question(("cat",), 90, others=((Feature.TEXT, ("sale",)),)))
    text = Image("h#text", scan=Scan(Status.COMPLETED, 1, feature=Feature.TEXT))
    images = CountingImages({"h": Image("h", scan=SCAN), text.key: text})
    table = FakeTable([request(0), for_text, request(2, image="i")])
    page = list_requests(ListFilter(), limit=9, cursor=None, images=images, requests=table, now=1000)
    assert images.reads == [["h", "h#text", "i"]]
    assert [state.request.answer is not None for state in page.requests] == [False, True, True]
