"""Many pictures and requests in few calls, against a service that speaks the API's contract over real HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest

from imagescan_cli import scanning
from imagescan_cli.pictures import Picture, look_at
from imagescan_cli.questions import Question, idempotency_key, submission
from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService, Fault

pytestmark = pytest.mark.enable_socket  # the service listens on this machine's loopback

PICTURES = 60
FEW = 4
REFUSAL = b'{"code": "not_taken", "message": "Send another."}'


def pictures_in(folder: Path, number: int) -> Path:
    folder.mkdir()
    for at in range(number):
        (folder / f"{at:02}.png").write_bytes(png() + f"cat {at}".encode())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures_in(tmp_path / "pictures", PICTURES)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return pictures_in(tmp_path / "few", FEW)


def looked_at(folder: Path) -> list[Picture]:
    return [picture for path in sorted(folder.iterdir()) if (picture := look_at(path))]


def codes(answers: list[dict[str, Any]]) -> list[str | None]:
    return sorted((answer["failure"] or {"code": ""})["code"] for answer in answers)


def test_60_new_pictures_take_3_announcements_60_uploads_and_few_looks(
    run: Run, folder: Path, service: FakeService
) -> None:
    result = run("submit", folder, "--wait", "--json")
    assert [answer["label_matched"] for answer in lines(result)] == [True] * PICTURES
    looks = service.calls.pop("look") + service.calls.pop("status", 0)
    assert service.calls == {"announce": 3, "upload": PICTURES}
    assert looks < PICTURES / 5


def test_60_known_pictures_take_3_announcements_and_no_other_call(run: Run, folder: Path, service: FakeService) -> None:
    run("submit", folder, "--wait")
    service.calls.clear()
    result = run("submit", folder, "--wait")
    assert (result.exit_code, service.calls) == (0, {"announce": 3})


def test_known_pictures_are_read_together_where_the_answer_is_told_in_full(
    run: Run, folder: Path, service: FakeService
) -> None:
    run("submit", folder, "--wait")
    service.calls.clear()
    for answer in lines(run("submit", folder, "--json")):
        assert service.requests[answer["request_id"]].items() <= answer.items()
    assert (service.calls["announce"], service.calls["look"] <= 3, service.calls.total() <= 6) == (3, True, True)


def test_an_answer_that_is_not_waited_for_has_every_key(run: Run, few: Path, service: FakeService) -> None:
    for answer in lines(run("submit", few, "--json")):
        assert answer["status"] == "pending"
        assert service.requests[answer["request_id"]].keys() <= answer.keys()


def test_a_picture_alone_is_asked_about_alone(run: Run, few: Path, service: FakeService) -> None:
    run("submit", few / "00.png", "--wait")
    assert service.calls == {"submit": 1, "upload": 1, "status": 1}


def test_requests_that_were_made_one_by_one_are_found_by_their_keys(run: Run, few: Path, service: FakeService) -> None:
    bodies = [submission(picture, Question(("cat",))) for picture in looked_at(few)]
    made = {service.post_request(body, idempotency_key(body))[1]["request_id"] for body in bodies}
    assert {answer["request_id"] for answer in lines(run("submit", few, "--label", "cat", "--json"))} == made


def test_not_far_more_is_announced_than_is_being_uploaded(run: Run, folder: Path, service: FakeService) -> None:
    assert run("submit", folder, "--concurrency", 2).exit_code == 0
    assert service.uploads == PICTURES
    assert service.most_awaited <= 25 + 2


def test_an_upload_whose_turn_comes_late_has_its_address_anew(
    run: Run, few: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "LONGEST_HELD", -1)
    result = run("submit", few, "--wait")
    assert (result.exit_code, service.calls["announce"], service.calls["submit"]) == (0, 1, FEW)
    assert (len(service.requests), service.uploads) == (FEW, FEW)


@pytest.mark.parametrize("code", ["never_uploaded", "timed_out"])
def test_requests_that_lapsed_are_replaced_together(run: Run, folder: Path, service: FakeService, code: str) -> None:
    service.faults = [Fault("upload", 403) for _ in range(PICTURES)]
    assert run("submit", folder).exit_code == 3
    service.lapse(code)
    service.calls.clear()
    result = run("submit", folder, "--wait")
    assert (result.exit_code, service.uploads, len(service.requests)) == (0, PICTURES, 2 * PICTURES)
    assert service.calls["announce"] <= 6


@pytest.mark.parametrize("status", [400, 403, 409, 413])
def test_an_entry_that_is_refused_fails_its_picture_and_no_other(
    run: Run, few: Path, service: FakeService, status: int
) -> None:
    service.faults = [Fault("entry", status, content=REFUSAL)]
    result = run("submit", few, "--wait", "--json")
    assert (result.exit_code, codes(lines(result))) == (3, [*[""] * (FEW - 1), "not_taken"])
    assert (service.calls["announce"], service.calls["submit"]) == (1, 0)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_entry_that_fails_for_now_is_tried_again_by_itself(
    run: Run, few: Path, service: FakeService, status: int
) -> None:
    service.faults = [Fault("entry", status, content=REFUSAL), Fault("submit", status)]
    result = run("submit", few, "--wait")
    assert (result.exit_code, service.calls["announce"], service.calls["submit"]) == (0, 1, 2)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("announce", 403, content=REFUSAL),
        Fault("announce", 404, content=b"<html>no such page</html>"),
        Fault("announce", 200, content=b'{"hello": "proxy"}'),
        Fault("announce", 200, content=b'{"results": []}'),
        Fault("announce", 200, content=json.dumps({"results": [{"status_code": 200, "request": {}}] * FEW}).encode()),
    ],
    ids=str,
)
def test_announcements_that_are_refused_as_one_are_made_one_by_one(
    run: Run, few: Path, service: FakeService, fault: Fault
) -> None:
    service.faults = [fault, Fault("submit", 400, content=REFUSAL)]
    result = run("submit", few, "--wait", "--json")
    assert codes(lines(result)) == [*[""] * (FEW - 1), "not_taken"]
    assert service.calls["submit"] == FEW


def test_announcements_are_tried_again_after_what_passes(run: Run, few: Path, service: FakeService) -> None:
    service.faults = [Fault("announce", 503), Fault("look", 429)]
    assert run("submit", few, "--wait").exit_code == 0
    assert (service.calls["announce"], service.calls["submit"], len(service.requests)) == (2, 0, FEW)


@pytest.fixture
def made(run: Run, folder: Path) -> list[str]:
    """Pictures that were uploaded; the ids of their requests."""
    return [answer["request_id"] for answer in lines(run("submit", folder, "--json"))]


def test_requests_are_shown_by_100_to_a_call(run: Run, service: FakeService, made: list[str]) -> None:
    service.calls.clear()
    result = run("status", *made, *made, "--json")
    assert sorted(answer["request_id"] for answer in lines(result)) == sorted(made * 2)
    assert service.calls == {"look": 2}


def test_ids_are_written_as_signatures_need_them(run: Run, service: FakeService, made: list[str]) -> None:
    run("status", *made[:2])
    assert service.paths[-1] == f"/v1/scanrequests?ids={made[0]}%2C{made[1]}"


def test_requests_are_watched_together(run: Run, service: FakeService, made: list[str]) -> None:
    service.calls.clear()
    for image in service.images:
        service.looks_left[image] = 3
    result = run("watch", *made)
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, PICTURES)
    assert service.calls.total() <= 10


@pytest.mark.parametrize(
    ("fault", "asked_alone"),
    [
        (Fault("result", 413, content=b'{"code": "response_too_large", "message": "Alone."}'), 1),
        (Fault("result", 500, content=REFUSAL), 1),
        (Fault("look", 414, content=b"<html>"), PICTURES),
        (Fault("look", 200, content=b'{"results": []}'), PICTURES),
    ],
)
def test_what_is_not_told_with_the_others_is_asked_for_by_itself(
    run: Run, service: FakeService, made: list[str], fault: Fault, asked_alone: int
) -> None:
    service.faults = [fault]
    result = run("status", *made)
    assert (result.exit_code, service.calls["status"]) == (0, asked_alone)


def test_ids_that_are_none_of_the_services_are_asked_for_by_themselves(
    run: Run, service: FakeService, made: list[str]
) -> None:
    strange = [f"{made[0]},{made[1]}", "x" * 65, "a/b"]
    service.calls.clear()
    answers = {
        answer["request_id"]: answer for answer in lines(run("status", *strange, *made[:2], "unknown", "--json"))
    }
    assert codes([answers[each] for each in (*strange, "unknown")]) == ["request_not_found"] * 4
    assert codes([answers[each] for each in made[:2]]) == ["", ""]
    assert service.calls == {"look": 1, "status": len(strange)}
