"""The arithmetic of what AWS charges, by the examples of its own documentation where there are any."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from benchmarks.bill import Price, bill, prices, total
from benchmarks.capacity import Index, indexes, row_bytes, units_of_read, units_of_write
from benchmarks.dollars import MILLION, dollars, of_requests, otherwise

KEYED = {"id": {"S": "a"}}


def row(size: int, **more: Any) -> dict[str, Any]:
    """A row of so many bytes, beside those of ``more``."""
    return {"id": {"S": "a"}, "rest": {"S": "x" * (size - 7)}} | more


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "cat"}, 3),
        ({"S": "Käse"}, 5),
        ({"N": "0"}, 2),
        ({"N": "-12.5"}, 3),
        ({"N": "1795356427.8158085"}, 10),
        ({"N": "100"}, 2),
        ({"B": b"four"}, 4),
        ({"B": "Zm91cg=="}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["1", "2"]}, 4),
        ({"L": [{"S": "cat"}]}, 7),
        ({"M": {"a": {"S": "b"}}}, 6),
    ],
)
def test_a_value_counts_as_dynamodb_counts_it(value: dict[str, Any], size: int) -> None:
    assert row_bytes({"n": value}) == 1 + size


@pytest.mark.parametrize(("size", "units"), [(10, 1), (1024, 1), (1025, 2), (3000, 3)])
def test_a_write_costs_a_unit_for_each_begun_kilobyte_of_the_larger_row(size: int, units: int) -> None:
    assert units_of_write(None, row(size)) == units_of_write(row(size), KEYED) == units


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, {"who": {"S": "a"}}, 1),
        (None, {}, 0),
        ({"who": {"S": "a"}}, {}, 1),
        ({"who": {"S": "a"}}, {"who": {"S": "b"}}, 2),
        ({"who": {"S": "a"}}, {"who": {"S": "a"}, "rest": {"S": "changed"}}, 0),
        ({"who": {"S": "a"}}, {"who": {"S": "a"}, "kept": {"S": "changed"}}, 1),
    ],
)
def test_an_index_costs_only_where_what_it_holds_changes(
    before: dict[str, Any] | None, after: dict[str, Any], units: int
) -> None:
    index = Index("by_who", ("who",), frozenset({"who", "id", "kept"}))
    rows = (None if before is None else KEYED | before, KEYED | after)
    assert units_of_write(*rows, [index]) - units_of_write(*rows) == units


def test_an_index_holds_its_keys_and_the_tables() -> None:
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    table = {
        "KeySchema": keys,
        "GlobalSecondaryIndexes": [
            {
                "IndexName": name,
                "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}],
                "Projection": projection,
            }
            for name, projection in {
                "few": {"ProjectionType": "KEYS_ONLY"},
                "some": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kept"]},
                "all": {"ProjectionType": "ALL"},
            }.items()
        ],
    }
    held = [index.attributes for index in indexes(table)]
    assert held == [frozenset({"who", "id"}), frozenset({"who", "id", "kept"}), None]


@pytest.mark.parametrize(("size", "units"), [(10, 1), (4096, 1), (4097, 2)])
def test_a_read_costs_a_unit_for_each_begun_four_kilobytes_and_half_where_it_is_not_strong(
    size: int, units: int
) -> None:
    assert units_of_read([row(size)], strong=True) == units
    assert units_of_read([row(size)], strong=False) == units / 2


def test_what_is_not_found_costs_as_a_small_row() -> None:
    assert units_of_read([], strong=True) == 1


def test_a_bill_names_the_dearest_first_and_adds_up() -> None:
    listed = {"a": Price(5, 1000, "apples", "", ""), "b": Price(1, 2, "pears", "", "")}
    charges = bill({"a": 1000, "b": 20}, listed)
    assert [(charge.what, charge.usd) for charge in charges] == [("pears", 10), ("apples", 5)]
    assert total(charges) == 15


def test_what_has_no_price_is_an_error() -> None:
    with pytest.raises(KeyError):
        bill({"gold": 1}, prices())


def test_every_price_says_where_and_when_it_was_found() -> None:
    for price in prices().values():
        assert price.usd > 0
        assert price.source.startswith("https://aws.amazon.com/")
        assert date(2024, 11, 1) <= date.fromisoformat(price.dated) <= date.today()  # noqa: DTZ011 - any zone's will do


def test_a_million_of_each_step_is_added_up_at_list_prices() -> None:
    steps = {"POST": Counter({"api.rest": 1.0, "s3.put": 1.0}), "GET": Counter({"api.rest": 1.0})}
    assert dollars(steps) == pytest.approx(3.5 + 5 + 3.5)


def test_requests_are_told_apart_from_computing_and_logs() -> None:
    steps = {"POST": Counter({"api.rest": 1.0, "lambda.gb_seconds": 1.0, "logs.bytes": 500.0})}
    assert of_requests(steps) == pytest.approx(3.5)
    assert dollars(steps) > 3.5


def test_each_alternative_changes_what_it_says() -> None:
    steps = {
        "POST": Counter({"api.rest": 1.0, "lambda.requests": 1.0, "s3.put": 1.0}),
        "scan": Counter({"lambda.requests": 0.1, "sqs.requests": 1.2}),
        "GET": Counter({"api.rest": 1.0}),
    }
    other = otherwise(steps)
    assert other["the event tells the answer, nobody asks by GET"] == pytest.approx(dollars(steps) - 3.5)
    assert other["a picture that is known already, POST alone"] == pytest.approx(3.7)
    assert other["a trickle, each picture scanned by itself"] > dollars(steps) + 0.18 + 0.72
    assert MILLION == 1_000_000
