"""Prices and capacity units, with the examples of the AWS documentation where they exist."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from benchmarks.capacity import Index, indexes, item_bytes, read_units, write_units
from benchmarks.cost_per_million import MILLION, alternatives, request_cost, total_cost
from benchmarks.pricing import Price, cost_breakdown, prices, total

KEYED = {"id": {"S": "a"}}


def item(size: int, **more: Any) -> dict[str, Any]:
    """Return an item of ``size`` bytes, plus the attributes in ``more``."""
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
def test_the_size_of_a_value_matches_dynamodb(value: dict[str, Any], size: int) -> None:
    assert item_bytes({"n": value}) == 1 + size


@pytest.mark.parametrize(("size", "units"), [(10, 1), (1024, 1), (1025, 2), (3000, 3)])
def test_a_write_uses_one_unit_per_started_kilobyte_of_the_larger_item(size: int, units: int) -> None:
    assert write_units(None, item(size)) == write_units(item(size), KEYED) == units


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
def test_an_index_uses_units_only_if_its_projection_changes(
    before: dict[str, Any] | None, after: dict[str, Any], units: int
) -> None:
    index = Index("by_who", ("who",), frozenset({"who", "id", "kept"}))
    items = (None if before is None else KEYED | before, KEYED | after)
    assert write_units(*items, [index]) - write_units(*items) == units


def test_an_index_projects_its_own_keys_and_those_of_the_table() -> None:
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
    projected = [index.attributes for index in indexes(table)]
    assert projected == [frozenset({"who", "id"}), frozenset({"who", "id", "kept"}), None]


@pytest.mark.parametrize(("size", "units"), [(10, 1), (4096, 1), (4097, 2)])
def test_a_read_uses_one_unit_per_started_4_kb_and_half_if_eventually_consistent(size: int, units: int) -> None:
    assert read_units([item(size)], strong=True) == units
    assert read_units([item(size)], strong=False) == units / 2


def test_an_empty_read_uses_one_unit() -> None:
    assert read_units([], strong=True) == 1


def test_a_cost_breakdown_starts_with_the_most_expensive_item_and_adds_up() -> None:
    listed = {"a": Price(5, 1000, "apples", "", ""), "b": Price(1, 2, "pears", "", "")}
    items = cost_breakdown({"a": 1000, "b": 20}, listed)
    assert [(each.what, each.usd) for each in items] == [("pears", 10), ("apples", 5)]
    assert total(items) == 15


def test_a_unit_without_a_price_is_an_error() -> None:
    with pytest.raises(KeyError):
        cost_breakdown({"gold": 1}, prices())


def test_every_price_has_a_source_and_a_date() -> None:
    for price in prices().values():
        assert price.usd > 0
        assert price.source.startswith("https://aws.amazon.com/")
        assert date(2024, 11, 1) <= date.fromisoformat(price.dated) <= date.today()  # noqa: DTZ011 - any time zone is precise enough


def test_the_total_adds_a_million_of_each_step_at_list_prices() -> None:
    steps = {"POST": Counter({"api.rest": 1.0, "s3.put": 1.0}), "GET": Counter({"api.rest": 1.0})}
    assert total_cost(steps) == pytest.approx(3.5 + 5 + 3.5)


def test_request_cost_excludes_computing_and_logs() -> None:
    steps = {"POST": Counter({"api.rest": 1.0, "lambda.gb_seconds": 1.0, "logs.bytes": 500.0})}
    assert request_cost(steps) == pytest.approx(3.5)
    assert total_cost(steps) > 3.5


def test_each_alternative_changes_only_what_it_names() -> None:
    steps = {
        "POST": Counter({"api.rest": 1.0, "lambda.requests": 1.0, "s3.put": 1.0}),
        "scan": Counter({"lambda.requests": 0.1, "sqs.requests": 1.2}),
        "GET": Counter({"api.rest": 1.0}),
    }
    other = alternatives(steps)
    assert other["result from the event, no GET"] == pytest.approx(total_cost(steps) - 3.5)
    assert other["known image, POST only"] == pytest.approx(3.7)
    assert other["low traffic, each image scanned alone"] > total_cost(steps) + 0.18 + 0.72
    assert MILLION == 1_000_000
