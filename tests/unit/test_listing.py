import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from imagescan.api import query_params
from imagescan.domain.cursor import ListPosition
from imagescan.domain.errors import BadInput
from imagescan.domain.image_record import Image, Scan, Status
from imagescan.domain.labels import Label
from imagescan.domain.policy import GRACE_SECONDS
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest, with_answer
from imagescan.use_cases.list_requests import MAX_QUERIES, ListFilter, ResultPage, list_requests

NO_POSITIONS = ["nan#r", "inf#r", "-000000001.000#r", "1e3#r", "0000001000.000#", "0000001000.000#" + "r" * 2000]
LATE = 1100 + GRACE_SECONDS
SEEN = Scan(Status.COMPLETED, 1, (Label("Cat", 97),))


def sealed(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


def request(number: int, label: str = "cat", image: str = "h") -> ScanRequest:
    made = 1000 + number / 10
    return ScanRequest(f"r{number:04}", image, "k", Question((label,), 90), created_at=made, deadline=made + 60)


@dataclass
class Table:
    rows: list[ScanRequest]
    images: dict[str, Image] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    rounds: int = 0

    def newest(self, owner: str | None, before: ListPosition | None, since: float, limit: int) -> list[ListPosition]:
        self.rounds += 1
        positions = sorted((ListPosition.of(row) for row in self.rows), reverse=True)
        return [each for each in positions if each.made >= since and (before is None or each < before)][:limit]

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        return {row.id: row for row in self.rows if row.id in request_ids and row.id not in self.gone}


@dataclass
class Images:
    rows: dict[str, Image]

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        return {each: self.rows[each] for each in image_hashes if each in self.rows}


def page(table: Table, wanted: ListFilter = ListFilter(), limit: int = 25, cursor: str | None = None) -> ResultPage:  # noqa: B008 - it is frozen
    return list_requests(wanted, limit=limit, cursor=cursor, images=Images(table.images), requests=table, now=1000)


@dataclass
class SettledMeanwhile(Images):
    """Image rows that were removed, because their requests were settled after they were read."""

    table: Table = field(default_factory=lambda: Table([]))

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        self.table.rows = [with_answer(row, Image("h", scan=SEEN), LATE) or row for row in self.table.rows]
        return {}


def test_a_request_that_was_settled_and_lost_its_image_meanwhile_has_not_timed_out() -> None:
    table = Table([request(1)])
    images = SettledMeanwhile({}, table)
    found = list_requests(ListFilter(), limit=1, cursor=None, images=images, requests=table, now=LATE).requests
    assert [each.request.answer and each.request.answer.scan for each in found] == [SEEN]


def ids(found: ResultPage) -> list[str]:
    return [each.request.id for each in found.requests]


def test_requests_come_newest_first_and_the_pages_meet() -> None:
    table = Table([request(n) for n in range(7)])
    first = page(table, limit=3)
    second = page(table, limit=3, cursor=first.cursor)
    third = page(table, limit=3, cursor=second.cursor)
    assert [ids(each) for each in (first, second, third)] == [
        ["r0006", "r0005", "r0004"],
        ["r0003", "r0002", "r0001"],
        ["r0000"],
    ]
    assert third.cursor is None


def test_a_cursor_stays_where_it_is_when_requests_are_made_since() -> None:
    table = Table([request(n) for n in range(6)])
    first = page(table, limit=3)
    table.rows.append(request(9))
    assert ids(page(table, limit=3, cursor=first.cursor)) == ["r0002", "r0001", "r0000"]


def test_requests_of_the_same_millisecond_are_neither_lost_nor_told_twice() -> None:
    rows = [ScanRequest(f"r{n}", "h", "k", Question(("cat",), 90), created_at=1000, deadline=2000) for n in range(9)]
    table, found, cursor = Table(rows), [], None
    for _ in range(9):
        told = page(table, limit=2, cursor=cursor)
        found += ids(told)
        cursor = told.cursor
        if cursor is None:
            break
    assert sorted(found) == [f"r{n}" for n in range(9)]


def test_the_status_listed_is_the_one_that_is_derived() -> None:
    table = Table([request(1), request(2, image="other")], {"h": Image("h", scan=SEEN)})
    assert ids(page(table, ListFilter(status=Status.COMPLETED))) == ["r0001"]
    assert ids(page(table, ListFilter(status=Status.PENDING))) == ["r0002"]


def test_only_what_is_wanted_is_listed() -> None:
    table = Table([request(1), request(2, "dog"), request(3, "Dog")])
    assert ids(page(table, ListFilter(label=" DOG "))) == ["r0003", "r0002"]
    assert ids(page(table, ListFilter(since=1000.2))) == ["r0003", "r0002"]


def test_a_filter_that_few_pass_reads_a_bounded_part_and_goes_on_from_there() -> None:
    table = Table([request(n, "dog" if n == 0 else "cat") for n in range(700)])
    first = page(table, ListFilter(label="dog"))
    assert (ids(first), table.rounds) == ([], MAX_QUERIES)
    assert ids(page(table, ListFilter(label="dog"), cursor=first.cursor)) == ["r0000"]


def test_a_request_that_was_deleted_meanwhile_is_left_out() -> None:
    assert ids(page(Table([request(1), request(2)], gone={"r0002"}))) == ["r0001"]


@pytest.mark.parametrize("cursor", ["nonsense", "*", "a", "bm90IGEgcG9zaXRpb24", "ÿ", *map(sealed, NO_POSITIONS)])
def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput) as refused:
        page(Table([]), cursor=cursor)
    assert refused.value.code == "invalid_cursor"


def test_positions_sort_as_they_are_written() -> None:
    positions = [ListPosition(made, name) for made in (0.5, 9.0, 10.0, 1_700_000_000.123) for name in ("a", "b")]
    assert sorted(positions, key=str) == sorted(positions)
    assert [ListPosition.parse(str(each)) for each in positions] == positions


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"status": "done"}, "invalid_status"),
        ({"from": "yesterday"}, "invalid_from"),
        ({"from": "99999-01-01"}, "invalid_from"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused(query: dict[str, str], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        query_params.wanted(query, None)
    assert refused.value.code == code


def test_requests_are_asked_for_by_up_to_100_ids_in_their_order() -> None:
    many = [f"r{at}" for at in range(query_params.MAX_LIMIT)]
    assert query_params.ids({"ids": "b,a,b"}) == ["b", "a", "b"]
    assert query_params.ids({"ids": ",".join(many)}) == many


@pytest.mark.parametrize(
    "query",
    [{"ids": ids} for ids in ("", ",", "a,", "a,,b", ",".join("a" * 101))]
    + [{"ids": "a", name: "x"} for name in ("status", "label", "from", "limit", "cursor")],
    ids=str,
)
def test_no_ids_or_too_many_or_with_something_beside_them_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refused:
        query_params.ids(query)
    assert refused.value.code == "invalid_ids"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", "", "٣", "9" * 5000])
def test_a_limit_outside_1_to_100_is_refused(limit: str) -> None:
    with pytest.raises(BadInput):
        query_params.limit({"limit": limit})


def test_a_query_is_read() -> None:
    query = {"status": "failed", "label": "dog", "from": "2026-11-22T10:00:00Z", "limit": "7"}
    assert query_params.wanted(query, None) == ListFilter(Status.FAILED, "dog", 1_795_341_600.0)
    assert query_params.limit(query) == 7
    assert (query_params.wanted({}, None), query_params.limit({})) == (ListFilter(), 25)
