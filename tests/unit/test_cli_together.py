import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from imagescan_cli.together import Together


class Upset(Exception):
    pass


class Doubles:
    """Answers each number by twice as much, and remembers who came together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def ask_all(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append([*numbers])
        await asyncio.sleep(0)
        return [2 * number for number in numbers]


async def at_once(together: Together[int, int], numbers: Sequence[int]) -> list[int]:
    return await asyncio.gather(*map(together.ask, numbers))


async def after(seconds: float, together: Together[int, int], number: int) -> int:
    await asyncio.sleep(seconds)
    return await together.ask(number)


def test_those_who_ask_at_once_are_asked_for_together_and_each_has_its_own_answer() -> None:
    doubles = Doubles()
    assert asyncio.run(at_once(Together(doubles.ask_all, most=3), range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert doubles.calls == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize(
    ("expected", "calls"), [(3, [[1, 2], [3]]), (2, [[1, 2], [3]]), (1, [[1], [2], [3]]), (0, [[1], [2], [3]])]
)
def test_whoever_asks_first_waits_a_while_for_those_who_are_expected(expected: int, calls: list[list[int]]) -> None:
    doubles = Doubles()

    async def ask() -> None:
        together = Together(doubles.ask_all, most=9, seconds=0.3, expected=lambda: expected)
        await asyncio.gather(*(after(seconds, together, number) for number, seconds in ((1, 0), (2, 0.1), (3, 0.6))))

    asyncio.run(ask())
    assert doubles.calls == calls


@pytest.mark.parametrize(("most", "expected"), [(9, 2), (2, 9)])
def test_nobody_waits_for_more_than_are_expected_or_fit(most: int, expected: int) -> None:
    async def ask() -> None:
        await at_once(Together(Doubles().ask_all, most=most, seconds=30, expected=lambda: expected), [1, 2])

    started = time.monotonic()
    asyncio.run(ask())
    assert time.monotonic() - started < 10


def test_what_a_call_raises_is_raised_for_each_of_it_and_for_no_other() -> None:
    async def upset_by_one(numbers: Sequence[int]) -> Sequence[int]:
        if 1 in numbers:
            raise Upset
        return numbers

    async def ask() -> list[Any]:
        together = Together(upset_by_one, most=2)
        return await asyncio.gather(*map(together.ask, range(4)), return_exceptions=True)

    first, second, *others = asyncio.run(ask())
    assert (type(first), type(second), others) == (Upset, Upset, [2, 3])


def test_one_who_comes_while_a_call_is_under_way_is_asked_for_in_the_next() -> None:
    doubles = Doubles()

    async def ask() -> list[int]:
        together = Together(doubles.ask_all, most=9)
        return await at_once(together, [1, 2]) + await at_once(together, [3])

    assert asyncio.run(ask()) == [2, 4, 6]
    assert doubles.calls == [[1, 2], [3]]
