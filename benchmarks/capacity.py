"""Compute the DynamoDB capacity units of writes and reads from the sizes of the items.

Source: Amazon DynamoDB Developer Guide, "DynamoDB read and write operations", "Item sizes and formats" and "Global
secondary indexes: write throughput considerations".
"""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any

WRITE_UNIT, READ_UNIT = 1024, 4096  # bytes

type Item = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index. ``attributes`` are the projected attributes, None for all."""

    name: str
    keys: tuple[str, ...]
    attributes: frozenset[str] | None

    def project(self, item: Item | None) -> Item | None:
        """Return the projection of the item, or None if the item lacks a key of the index (sparse index)."""
        if item is None or not all(key in item for key in self.keys):
            return None
        return {name: value for name, value in item.items() if self.attributes is None or name in self.attributes}


def indexes(table: Mapping[str, Any]) -> list[Index]:
    """Return the indexes of a table from its CloudFormation properties."""
    table_keys = [key["AttributeName"] for key in table["KeySchema"]]
    return [_index(each, table_keys) for each in table.get("GlobalSecondaryIndexes", [])]


def _index(properties: Mapping[str, Any], table_keys: Sequence[str]) -> Index:
    keys = tuple(key["AttributeName"] for key in properties["KeySchema"])
    projection = properties["Projection"]
    more = projection.get("NonKeyAttributes", [])
    holds_all = projection["ProjectionType"] == "ALL"
    return Index(properties["IndexName"], keys, None if holds_all else frozenset({*keys, *table_keys, *more}))


def item_bytes(item: Item | None) -> int:
    """Return the size of an item as DynamoDB counts it: names and values of its attributes."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items()) if item else 0


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    return int(_SIZES[kind](content))


_SIZES: dict[str, Any] = {
    "S": lambda text: len(text.encode()),
    "N": lambda digits: ceil(len(Decimal(digits).normalize().as_tuple().digits) / 2) + 1,
    "B": lambda content: len(b64decode(content) if isinstance(content, str) else content),
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda texts: sum(len(text.encode()) for text in texts),
    "NS": lambda numbers: sum(_value_bytes({"N": number}) for number in numbers),
    "L": lambda values: 3 + sum(1 + _value_bytes(each) for each in values),
    "M": lambda item: 3 + len(item) + item_bytes(item),
}


def write_units(before: Item | None, after: Item | None, table_indexes: Iterable[Index] = ()) -> int:
    """Return the units of one write outside of a transaction: of the table and of each index that it changes."""
    return _units(before, after) + sum(_index_units(each, before, after) for each in table_indexes)


def _index_units(index: Index, before: Item | None, after: Item | None) -> int:
    old, new = index.project(before), index.project(after)
    if old == new:
        return 0
    if old and new and any(old[key] != new[key] for key in index.keys):
        return _units(old, None) + _units(None, new)
    return _units(old, new)


def _units(before: Item | None, after: Item | None) -> int:
    return max(1, ceil(max(item_bytes(before), item_bytes(after)) / WRITE_UNIT))


def read_units(items: Iterable[Item], *, strong: bool) -> float:
    """Return the units of a strongly consistent read, or of an eventually consistent one such as an index query.

    An empty result costs as much as 4 KB.
    """
    units = max(1, ceil(sum(map(item_bytes, items)) / READ_UNIT))
    return units if strong else units / 2
