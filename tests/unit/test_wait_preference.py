import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from imagescan.api import wait_preference
from imagescan.api.wait_preference import applied, wait_seconds


@pytest.fixture(params=[25])
def maximum(request: pytest.FixtureRequest) -> Iterator[int]:
    wait_preference.settings.cache_clear()
    with patch.dict("os.environ", MAX_WAIT_SECONDS=str(request.param)):
        yield request.param
    wait_preference.settings.cache_clear()


def event(*values: str) -> dict[str, Any]:
    """Return an event as API Gateway sends it: the last value as the header, and all values in the second field."""
    return {"headers": {"prefer": values[-1]}, "multiValueHeaders": {"prefer": list(values)}}


@pytest.mark.usefixtures("maximum")
@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["wait=20"], 20),
        (["WAIT=20"], 20),
        (['wait="20"'], 20),
        (["  wait = 20  "], 20),
        (["wait=007"], 7),
        (["wait=20; foo=bar"], 20),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10"], 10),
        (['note="a, wait=5", wait=10'], 10),
        (['note="a \\", wait=5", wait=10'], 10),
        (["wait=5, wait=10"], 5),
        (["wait=25"], 25),
        (["wait=26"], 25),
        (["wait=99999999999999999999"], 25),
        (["wait=0"], 0),
    ],
)
def test_the_preference_is_read_as_rfc_7240_defines_it_and_limited(values: list[str], seconds: int) -> None:
    assert wait_seconds(event(*values)) == seconds


@pytest.mark.usefixtures("maximum")
@pytest.mark.parametrize(
    "value",
    ["", "wait", "wait=", "wait=-1", "wait=2.5", "wait=2s", "wait=\u0665", 'wait="20', "waiting=20", "handling=strict",
     "wait=x, wait=5", '"wait=5"', "prefer: wait=5", ","],
)  # fmt: skip
def test_an_invalid_preference_is_ignored(value: str) -> None:
    assert wait_seconds(event(value)) == 0


@pytest.mark.usefixtures("maximum")
@pytest.mark.parametrize(
    "value", ["wait=" + "0" * 10_000 + "x", '"' * 10_000, "wait" * 2500, "wait=1" + " " * 10_000 + "x", "," * 10_000]
)
def test_a_long_header_is_read_in_linear_time(value: str) -> None:
    started = time.process_time()
    assert wait_seconds(event(value)) == 0
    assert time.process_time() - started < 0.1  # seconds; quadratic matching takes more than 2


@pytest.mark.usefixtures("maximum")
@pytest.mark.parametrize("without", [{}, {"headers": None, "multiValueHeaders": None}, {"headers": {"Accept": "*/*"}}])
def test_an_event_without_the_header_has_no_preference(without: dict[str, Any]) -> None:
    assert wait_seconds(without) == 0


@pytest.mark.usefixtures("maximum")
def test_an_event_without_the_list_of_values_has_the_preference_of_its_header() -> None:
    assert wait_seconds({"headers": {"Prefer": "wait=3"}}) == 3


@pytest.mark.usefixtures("maximum")
@pytest.mark.parametrize("maximum", [0], indirect=True)
def test_the_preference_is_ignored_if_waiting_is_disabled() -> None:
    assert wait_seconds(event("wait=20")) == 0
    assert applied(0) == {}


def test_the_response_confirms_the_seconds_after_limiting() -> None:
    assert applied(25) == {"Preference-Applied": "wait=25"}
