"""The table of requests."""

from typing import Any

import pytest
from rich.cells import cell_len

from imagescan_cli.schemas import RequestJson
from imagescan_cli.tables import format_age, format_requests
from tests.unit.cli_runs import Run
from tests.unit.cli_service import FakeService

REQUEST_ID = "5e25331c-595b-5f5e-8fcc-7d11f06dcd97"
CREATED_AT, NOW = "2026-11-27T03:00:00.000Z", 1_795_748_414  # 14 s later


def request(
    reference: str | None = "photos/cat.jpg", *, matched: bool | None = True, labels: str = "cat", **more: Any
) -> RequestJson:
    return {
        "request_id": REQUEST_ID,
        "status": "completed",
        "label_matched": matched,
        "labels_asked": labels.split(",") if labels else [],
        "reference": reference,
        "created_at": CREATED_AT,
        **more,
    }


@pytest.mark.parametrize(
    ("each", "verdict"),
    [
        (request(moderation_asked=["*"], text_asked=["for sale"]), "yes (cat, moderation:any, text:for sale)"),
        (request(labels="", moderation_asked=["Alcohol"], matched=False), "no (moderation:Alcohol)"),
        (request(labels="", matched=None, features=["labels", "text"]), "scanned (labels, text)"),
    ],
)
def test_verdict_names_what_was_asked_of_each_feature_or_what_was_scanned(each: RequestJson, verdict: str) -> None:
    _, row = format_requests([each], now=NOW, width=None)
    assert row == f"14s  photos/cat.jpg  {verdict}  {REQUEST_ID}"


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3_599, "59m"), (3_600, "1h"), (86_400, "1d"), (9e6, "104d")],
)
def test_age_is_the_largest_whole_unit(seconds: float, age: str) -> None:
    assert format_age(seconds) == age


def test_columns_are_aligned_and_complete_without_a_terminal() -> None:
    requests = [request("a" * 200, labels="cat,dog"), request(None, matched=False)]
    header, first, second = format_requests(requests, now=NOW, width=None)
    assert first == f"14s  {'a' * 200}  yes (cat, dog)  {REQUEST_ID}"
    assert second == f"14s  {'-':<200}  no (cat)        {REQUEST_ID}"
    assert header.index("ID") == first.index(REQUEST_ID)


def test_path_is_shortened_at_its_start_so_that_the_file_name_stays() -> None:
    _, row = format_requests([request("photos/" * 10 + "cat.jpg")], now=NOW, width=80)
    assert row == f"14s  \u2026tos/photos/photos/cat.jpg  yes (cat)  {REQUEST_ID}"
    assert len(row) == 80


@pytest.mark.parametrize("width", [40, 71, 72, 80, 110])
@pytest.mark.parametrize("name", ["cat.jpg", "\u732b" * 60, "e\u0301" * 60 + ".jpg", "\x1b[2J\n" * 30])
def test_every_line_fits_the_terminal(width: int, name: str) -> None:
    lines = format_requests([request(name, labels="cat," * 24 + "dog")], now=NOW, width=width)
    assert max(map(cell_len, lines)) <= width
    assert "\x1b" not in "".join(lines)
    assert sum(REQUEST_ID in line for line in lines) == 1


@pytest.mark.enable_socket
@pytest.mark.usefixtures("service")
def test_empty_list_prints_a_note_only(run: Run) -> None:
    result = run("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No requests found.\n")


@pytest.mark.enable_socket
def test_failed_request_is_listed_as_failed(run: Run, service: FakeService) -> None:
    service.post_request({"sha256": "ab"}, "key")
    service.fail_pending("timed_out")
    assert "failed (cat)" in run("list").stdout
