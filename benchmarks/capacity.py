"""How many units DynamoDB charges for writes and reads, by the sizes of the rows they touch. Pure.

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

type Row = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index; ``attributes`` are those that it holds, None for all."""

    name: str
    keys: tuple[str, ...]
    attributes: frozenset[str] | None

    def part(self, row: Row | None) -> Row | None:
        """What the index holds of the row; None where the row lacks a key, as in a sparse index."""
        if row is None or not all(key in row for key in self.keys):
            return None
        return {name: value for name, value in row.items() if self.attributes is None or name in self.attributes}


def indexes(table: Mapping[str, Any]) -> list[Index]:
    """The indexes of a table, from its properties as CloudFormation has them."""
    of_table = [key["AttributeName"] for key in table["KeySchema"]]
    return [_index(each, of_table) for each in table.get("GlobalSecondaryIndexes", [])]


def _index(properties: Mapping[str, Any], keys_of_table: Sequence[str]) -> Index:
    keys = tuple(key["AttributeName"] for key in properties["KeySchema"])
    projection = properties["Projection"]
    more = projection.get("NonKeyAttributes", [])
    holds_all = projection["ProjectionType"] == "ALL"
    return Index(properties["IndexName"], keys, None if holds_all else frozenset({*keys, *keys_of_table, *more}))


def row_bytes(row: Row | None) -> int:
    """A row's size as DynamoDB counts it: the names of its attributes and their values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in row.items()) if row else 0


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
    "M": lambda row: 3 + len(row) + row_bytes(row),
}


def units_of_write(before: Row | None, after: Row | None, of_table: Iterable[Index] = ()) -> int:
    """Units of one write that is no part of a transaction: of the table, and of each index that it changes."""
    return _units(before, after) + sum(_units_of_index(each, before, after) for each in of_table)


def _units_of_index(index: Index, before: Row | None, after: Row | None) -> int:
    old, new = index.part(before), index.part(after)
    if old == new:
        return 0
    if old and new and any(old[key] != new[key] for key in index.keys):
        return _units(old, None) + _units(None, new)
    return _units(old, new)


def _units(before: Row | None, after: Row | None) -> int:
    return max(1, ceil(max(row_bytes(before), row_bytes(after)) / WRITE_UNIT))


def units_of_read(rows: Iterable[Row], *, strong: bool) -> float:
    """Units of a strong read of one row, or of a query of an index, which is never strong; nothing costs as 4 KB."""
    units = max(1, ceil(sum(map(row_bytes, rows)) / READ_UNIT))
    return units if strong else units / 2
