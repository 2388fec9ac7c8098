"""How rows are read that a busy table gives a few at a time."""

from typing import Any

import pytest

from imagescan.aws import items

KEYS = [{"id": {"S": str(at)}} for at in range(4)]


class BusyTable:
    """Gives some rows a time, by ``give``; counts how often it was asked."""

    def __init__(self, give: int) -> None:
        self.give, self.asked = give, 0

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        self.asked += 1
        keys = RequestItems["t"]["Keys"]
        rest = {"t": {"Keys": keys[self.give :], "ConsistentRead": True}} if keys[self.give :] else {}
        return {"Responses": {"t": keys[: self.give]}, "UnprocessedKeys": rest}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr("imagescan.aws.rows.time.sleep", taken.append)
    return taken


def test_rows_that_a_busy_table_leaves_out_are_asked_for_again_after_growing_pauses(pauses: list[float]) -> None:
    table: Any = BusyTable(give=1)
    assert items.batch_get(table, "t", KEYS) == KEYS
    assert table.asked == 4
    assert pauses == sorted(set(pauses))


def test_a_table_that_stays_busy_is_told_of_rather_than_rows_left_out(pauses: list[float]) -> None:
    table: Any = BusyTable(give=0)
    with pytest.raises(TimeoutError, match="too busy"):
        items.batch_get(table, "t", KEYS)
    assert sum(pauses) < 2


def test_no_keys_take_no_call() -> None:
    table: Any = BusyTable(give=1)
    assert (items.batch_get(table, "t", []), table.asked) == ([], 0)
