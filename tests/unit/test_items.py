"""Test BatchGetItem against a throttled table, which returns some keys unprocessed."""

from typing import Any

import pytest

from imagescan.aws import items

KEYS = [{"id": {"S": str(at)}} for at in range(4)]


class ThrottledTable:
    """A table that returns at most ``items_per_call`` items and counts its calls."""

    def __init__(self, items_per_call: int) -> None:
        self.items_per_call, self.calls = items_per_call, 0

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        self.calls += 1
        keys = RequestItems["t"]["Keys"]
        processed, unprocessed = keys[: self.items_per_call], keys[self.items_per_call :]
        rest = {"t": {"Keys": unprocessed, "ConsistentRead": True}} if unprocessed else {}
        return {"Responses": {"t": processed}, "UnprocessedKeys": rest}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    recorded: list[float] = []
    monkeypatch.setattr("imagescan.aws.items.time.sleep", recorded.append)
    return recorded


def test_unprocessed_keys_are_requested_again_with_growing_pauses(pauses: list[float]) -> None:
    table: Any = ThrottledTable(items_per_call=1)
    assert items.batch_get(table, "t", KEYS) == KEYS
    assert table.calls == 4
    assert pauses == sorted(set(pauses))


def test_a_table_that_stays_throttled_raises_an_error_instead_of_omitting_items(pauses: list[float]) -> None:
    table: Any = ThrottledTable(items_per_call=0)
    with pytest.raises(TimeoutError, match="throttled"):
        items.batch_get(table, "t", KEYS)
    assert sum(pauses) < 2


def test_no_call_is_made_without_keys() -> None:
    table: Any = ThrottledTable(items_per_call=1)
    assert (items.batch_get(table, "t", []), table.calls) == ([], 0)
