import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from imagescan_cli.coalescer import RequestCoalescer


class BatchError(Exception):
    pass


class Doubler:
    """Return twice each number and record the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def fetch_batch(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append([*numbers])
        await asyncio.sleep(0)
        return [2 * number for number in numbers]


async def fetch_concurrently(coalescer: RequestCoalescer[int, int], numbers: Sequence[int]) -> list[int]:
    return await asyncio.gather(*map(coalescer.fetch, numbers))


async def fetch_after(seconds: float, coalescer: RequestCoalescer[int, int], number: int) -> int:
    await asyncio.sleep(seconds)
    return await coalescer.fetch(number)


def test_concurrent_items_share_batches_and_each_gets_its_own_result() -> None:
    doubler = Doubler()
    coalescer = RequestCoalescer(doubler.fetch_batch, max_size=3)
    assert asyncio.run(fetch_concurrently(coalescer, range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert doubler.batches == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize(
    ("expected", "batches"), [(3, [[1, 2], [3]]), (2, [[1, 2], [3]]), (1, [[1], [2], [3]]), (0, [[1], [2], [3]])]
)
def test_first_item_waits_up_to_the_delay_for_expected_items(expected: int, batches: list[list[int]]) -> None:
    doubler = Doubler()

    async def fetch() -> None:
        coalescer = RequestCoalescer(doubler.fetch_batch, max_size=9, max_delay=0.3, expected=lambda: expected)
        await asyncio.gather(
            *(fetch_after(seconds, coalescer, number) for number, seconds in ((1, 0), (2, 0.1), (3, 0.6)))
        )

    asyncio.run(fetch())
    assert doubler.batches == batches


@pytest.mark.parametrize(("max_size", "expected"), [(9, 2), (2, 9)])
def test_batch_does_not_wait_once_it_is_full_or_complete(max_size: int, expected: int) -> None:
    async def fetch() -> None:
        coalescer = RequestCoalescer(Doubler().fetch_batch, max_size=max_size, max_delay=30, expected=lambda: expected)
        await fetch_concurrently(coalescer, [1, 2])

    started = time.monotonic()
    asyncio.run(fetch())
    assert time.monotonic() - started < 10


def test_exception_of_a_batch_is_raised_for_each_of_its_items_only() -> None:
    async def fail_for_one(numbers: Sequence[int]) -> Sequence[int]:
        if 1 in numbers:
            raise BatchError
        return numbers

    async def fetch() -> list[Any]:
        coalescer = RequestCoalescer(fail_for_one, max_size=2)
        return await asyncio.gather(*map(coalescer.fetch, range(4)), return_exceptions=True)

    first, second, *others = asyncio.run(fetch())
    assert (type(first), type(second), others) == (BatchError, BatchError, [2, 3])


def test_item_that_arrives_during_a_call_joins_the_next_batch() -> None:
    doubler = Doubler()

    async def fetch() -> list[int]:
        coalescer = RequestCoalescer(doubler.fetch_batch, max_size=9)
        return await fetch_concurrently(coalescer, [1, 2]) + await fetch_concurrently(coalescer, [3])

    assert asyncio.run(fetch()) == [2, 4, 6]
    assert doubler.batches == [[1, 2], [3]]
