"""Lists are ordered by the creation time that they show, to the millisecond."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagescan.api import query_params, serializers
from imagescan.domain.cursor import ListPosition
from imagescan.domain.iso_time import iso_time
from imagescan.domain.question import Question
from imagescan.domain.scan_request import ScanRequest

TIMES = st.floats(min_value=1_700_000_000, max_value=1_900_000_000) | st.integers(0, 3000).map(
    lambda step: 1_764_200_000 + step / 10_000
)


def request(created_at: float, request_id: str = "r") -> ScanRequest:
    return ScanRequest(request_id, "h", "k", Question(("cat",), 90), created_at, created_at + 60)


def shown(created_at: float) -> str:
    text: str = serializers.request_summary(request(created_at), now=created_at)["created_at"]
    return text


@given(TIMES, TIMES)
@example(1_764_200_000.0004, 1_764_199_999.9996)  # both in one millisecond if rounded, but not if truncated
@example(1_764_200_000.9996, 1_764_200_001.0)
def test_the_order_of_positions_is_the_order_of_the_times_shown(one: float, other: float) -> None:
    first, second = sorted((ListPosition.of(request(one, "b")), ListPosition.of(request(other, "a"))))
    by_id = {"b": shown(one), "a": shown(other)}
    assert by_id[first.request_id] <= by_id[second.request_id]


@given(TIMES)
@example(1_764_200_000.9996)
def test_the_time_shown_is_that_of_the_position(created_at: float) -> None:
    assert shown(created_at) == iso_time(ListPosition.of(request(created_at)).created_at)


@given(TIMES)
@example(1_764_200_000.0005)
def test_a_request_is_listed_when_it_is_created_after_the_time_that_it_shows(created_at: float) -> None:
    since = query_params.list_filter({"created_after": shown(created_at)}, None).since
    assert str(ListPosition(since, "")) <= str(ListPosition.of(request(created_at)))


@pytest.mark.parametrize("seconds", [0.0, 0.0004, 0.9996, 1_764_200_000.123456, 1_764_200_000.1235])
def test_a_time_is_rounded_to_milliseconds(seconds: float) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso_time(seconds))
    assert iso_time(seconds) == iso_time(round(seconds, 3))
