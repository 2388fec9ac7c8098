"""The commands against a service that speaks the API's contract over real HTTP."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from imagescan_cli import __version__
from imagescan_cli.answers import Answer
from imagescan_cli.pictures import Picture, look_at
from imagescan_cli.questions import Question
from imagescan_cli.scanning import Scanning
from imagescan_cli.service import RETRY, Service
from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService, Fault

pytestmark = pytest.mark.enable_socket  # the service listens on this machine's loopback

PROXY = b'{"hello": "proxy"}'


async def _submitted(service: FakeService, picture: Picture) -> Answer:
    async with Service(service.api) as connected:
        scanning = Scanning(connected, concurrency=1)
        return await scanning.submit(picture, Question(("cat",)), wait=True, sent=lambda: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, two of them the same, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cat.png").write_bytes(png() + b"cat")
    (folder / "copy.png").write_bytes(png() + b"cat")
    (folder / "dog.png").write_bytes(png() + b"dog")
    (folder / "notes.txt").write_text("cat")
    return folder


def test_a_folder_is_answered_picture_by_picture_and_what_is_none_is_noted(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--label", "cat", "--wait", "--json")
    answers = {Path(answer["path"]).name: answer["label_matched"] for answer in lines(result)}
    assert answers == {"cat.png": True, "copy.png": True, "dog.png": False}
    assert result.exit_code == 0
    assert f"{folder / 'notes.txt'}: skipped, neither JPEG nor PNG" in result.stderr
    assert "3 pictures: 2 yes, 1 no; 2 uploaded." in result.stderr


def test_progress_is_drawn_on_standard_error_alone(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--wait", "--json", TTY_COMPATIBLE="1")
    assert "answered" in result.stderr
    assert len(lines(result)) == 3


def test_people_read_a_sentence_for_each_picture(run: Run, folder: Path) -> None:
    result = run("submit", folder / "dog.png", "--wait")
    assert result.stdout.startswith(f"{folder / 'dog.png'}: No. [")
    assert result.exit_code == 1


def test_a_folder_submitted_again_is_asked_about_and_not_uploaded(run: Run, folder: Path, service: FakeService) -> None:
    first = run("submit", folder, "--wait", "--json")
    again = run("submit", folder, "--wait", "--json")
    assert service.uploads == 2
    assert "0 uploaded" in again.stderr
    assert {answer["request_id"] for answer in lines(first)} == {answer["request_id"] for answer in lines(again)}


def test_a_run_that_was_broken_off_is_taken_up_where_it_was(run: Run, folder: Path, service: FakeService) -> None:
    sent = run("submit", folder, "--json")
    assert sent.exit_code == 0
    assert {answer["status"] for answer in lines(sent)} == {"pending"}
    answered = run("submit", folder, "--json", "--wait")
    assert "0 uploaded" in answered.stderr
    assert service.uploads == 2
    assert {answer["request_id"] for answer in lines(sent)} == {answer["request_id"] for answer in lines(answered)}


def test_a_permission_to_upload_is_not_shown(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--json")
    assert "secret" not in result.output
    assert {answer["upload"] for answer in lines(result)} == {None}


@pytest.mark.parametrize(("code", "uploads"), [("never_uploaded", 1), ("timed_out", 1)])
def test_a_request_that_lapsed_is_replaced_by_a_new_one(
    run: Run, folder: Path, service: FakeService, code: str, uploads: int
) -> None:
    service.faults = [Fault("upload", 403)]
    assert run("submit", folder / "cat.png").exit_code == 3
    service.lapse(code)
    for _ in range(2):
        result = run("submit", folder / "cat.png", "--wait")
        assert (result.exit_code, len(service.images)) == (0, uploads)
    assert len(service.requests) == 2


def test_what_the_image_itself_failed_by_is_told_and_not_asked_anew(
    run: Run, folder: Path, service: FakeService
) -> None:
    service.looks = 10
    run("submit", folder / "cat.png")
    service.lapse("image_invalid")
    result = run("submit", folder / "cat.png", "--wait", "--json")
    assert (result.exit_code, lines(result)[0]["failure"]["code"]) == (3, "image_invalid")
    assert len(service.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_every_call_is_repeated_after_what_passes(method: str, status: int) -> None:
    assert RETRY.is_retry(method, status, has_retry_after=False)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 415])
def test_no_call_is_repeated_after_a_refusal(status: int) -> None:
    assert not RETRY.is_retryable_status_code(status)


@pytest.mark.parametrize(("call", "status"), [("submit", 429), ("upload", 503), ("status", 500)])
def test_what_passes_is_tried_again(run: Run, folder: Path, service: FakeService, call: str, status: int) -> None:
    service.faults = [Fault(call, status)]
    result = run("submit", folder / "cat.png", "--wait")
    assert result.exit_code == 0
    assert len(service.requests) == 1


def test_a_service_that_says_when_to_come_again_is_left_alone_until_then(
    run: Run, folder: Path, service: FakeService
) -> None:
    service.faults = [Fault("submit", 429, {"Retry-After": "1"})]
    started = time.monotonic()
    assert run("submit", folder / "cat.png").exit_code == 0
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("status", [400, 403])
def test_what_is_refused_for_good_is_not_tried_again_and_leaves_other_pictures_alone(
    run: Run, folder: Path, service: FakeService, status: int
) -> None:
    refusal = b'{"code": "not_taken", "message": "Send another."}'
    service.faults = [Fault("entry", status, content=refusal)]
    result = run("submit", folder / "cat.png", folder / "dog.png", "--wait", "--json", "--concurrency", 1)
    first, second = sorted(lines(result), key=lambda answer: str(answer["path"]))
    assert (first["failure"]["code"], first["message"]) == ("not_taken", "Send another.")
    assert second["status"] == "completed"
    assert (result.exit_code, service.calls["announce"], service.calls["submit"]) == (3, 1, 0)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("submit", 403, content=b'{"message": "Forbidden"}'), "http_403"),
        (Fault("submit", 404, content=b"<html>no such page</html>"), "http_404"),
        (Fault("submit", 200, content=b"<html>hello</html>"), "not_the_api"),
        (Fault("submit", 200, content=b"[]"), "not_the_api"),
        (Fault("submit", 200, content=PROXY), "not_the_api"),
        (Fault("submit", 200, {"Content-Encoding": "gzip"}, b"not compressed"), "not_the_api"),
        (Fault("status", 200, content=PROXY), "not_the_api"),
        (Fault("upload", 403, content=b"<Error><Code>AccessDenied</Code></Error>"), "upload_refused"),
    ],
)
def test_an_answer_in_other_words_than_the_apis_is_a_failure_that_says_so(
    run: Run, folder: Path, service: FakeService, fault: Fault, code: str
) -> None:
    service.faults = [fault]
    result = run("submit", folder / "cat.png", "--wait", "--json")
    assert (result.exit_code, lines(result)[0]["failure"]["code"]) == (3, code)


@pytest.mark.parametrize(
    ("call", "arguments"), [("status", ["status", "r1"]), ("ask", ["ask", "r1", "-l", "cat"]), ("list", ["list"])]
)
def test_an_address_of_something_else_is_a_failure_and_never_a_no(
    run: Run, service: FakeService, call: str, arguments: list[str]
) -> None:
    service.faults = [Fault(call, 200, content=PROXY)]
    result = run(*arguments)
    assert (result.exit_code, "does not answer like the API" in result.stdout) == (3, True)


def test_an_answer_that_breaks_the_program_itself_ends_with_3_and_one_sentence(run: Run, service: FakeService) -> None:
    service.faults = [Fault("status", 200, content=b"[" * 1_000_000)]  # deeper than any reader of JSON goes
    result = run("status", "r1")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("imagescan itself failed: RecursionError: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("status", "code", "uploads", "exit_code"),
    [
        (409, "ConditionalRequestConflict", 2, 0),
        (400, "RequestTimeout", 2, 0),
        (409, "OperationAborted", 1, 3),
        (400, "BadDigest", 1, 3),
    ],
)
def test_an_upload_is_tried_again_after_those_refusals_that_pass(
    run: Run, folder: Path, service: FakeService, *, status: int, code: str, uploads: int, exit_code: int
) -> None:
    service.faults = [Fault("upload", status, content=f"<Error><Code>{code}</Code></Error>".encode())]
    result = run("submit", folder / "cat.png", "--wait", "--json")
    assert (result.exit_code, service.calls["upload"]) == (exit_code, uploads)


def test_a_refusal_that_does_not_pass_in_time_is_told(
    run: Run, folder: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETRY, "total", 1)  # else it would be tried for some seconds
    service.faults = [Fault("upload", 400, content=b"<Error><Code>RequestTimeout</Code></Error>") for _ in range(2)]
    [answer] = lines(run("submit", folder / "cat.png", "--json"))
    assert (answer["failure"]["code"], "400 RequestTimeout" in answer["message"]) == ("upload_refused", True)


def test_an_upload_that_does_not_get_through_fails_that_picture_and_no_other(
    run: Run, folder: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETRY, "total", 1)  # else it would be tried for some seconds
    cat = look_at(folder / "cat.png")
    assert cat is not None
    service.lost.add(cat.sha256)
    result = run("submit", folder, "--wait", "--json", "--concurrency", 1)
    failures = {Path(answer["path"]).name: (answer["failure"] or {}).get("code") for answer in lines(result)}
    assert failures == {"cat.png": "upload_failed", "copy.png": "upload_failed", "dog.png": None}
    assert (result.exit_code, "secret" in result.output) == (3, False)


def test_a_file_that_changed_since_it_was_looked_at_is_refused_and_never_answered_wrongly(
    folder: Path, service: FakeService
) -> None:
    picture = look_at(folder / "cat.png")
    assert picture is not None
    picture.path.write_bytes(png() + b"something else")
    answer = asyncio.run(_submitted(service, picture))
    assert (answer["failure"]["code"], service.images) == ("upload_refused", {})


def test_a_file_that_is_gone_since_it_was_looked_at_is_a_failure(folder: Path, service: FakeService) -> None:
    picture = look_at(folder / "cat.png")
    assert picture is not None
    picture.path.unlink()
    assert asyncio.run(_submitted(service, picture))["failure"]["code"] == "unreadable"


def test_waiting_ends_with_the_time_given(run: Run, folder: Path, service: FakeService) -> None:
    service.looks = 1000
    result = run("submit", folder / "cat.png", "--wait", "--timeout", 1, "--json")
    assert (result.exit_code, lines(result)[0]["status"]) == (3, "pending")


def test_requests_are_shown_as_they_stand_and_watched_until_they_are_answered(
    run: Run, folder: Path, service: FakeService
) -> None:
    service.looks = 2
    [sent] = lines(run("submit", folder / "cat.png", "--json"))
    pending = run("status", sent["request_id"], "--json")
    assert (pending.exit_code, lines(pending)[0]["status"]) == (4, "pending")
    answered = run("watch", sent["request_id"], "--json")
    assert (answered.exit_code, lines(answered)[0]["label_matched"]) == (0, True)
    assert run("status", sent["request_id"]).exit_code == 0


def test_an_unknown_request_is_a_failure_beside_those_that_are_known(run: Run, folder: Path) -> None:
    [sent] = lines(run("submit", folder / "cat.png", "--json"))
    result = run("watch", sent["request_id"], "a/../b", "--json")
    answers = {answer["request_id"]: answer for answer in lines(result)}
    assert answers["a/../b"]["failure"]["code"] == "request_not_found"
    assert answers[sent["request_id"]]["label_matched"] is True
    assert result.exit_code == 3


def test_more_is_asked_about_an_answered_request(run: Run, folder: Path) -> None:
    [sent] = lines(run("submit", folder / "dog.png", "--json"))
    assert run("ask", sent["request_id"], "--label", "dog").exit_code == 3
    run("watch", sent["request_id"])
    assert run("ask", sent["request_id"], "--label", "dog").exit_code == 0
    assert run("ask", sent["request_id"], "--label", "cat").exit_code == 1


def requests_made(service: FakeService, *labels: str) -> list[str]:
    """Made on the service itself, in this order; their ids."""
    bodies = [{"sha256": f"{len(service.requests) + at:064}", "label": label} for at, label in enumerate(labels)]
    return [service.post_request(body, body["sha256"])[1]["request_id"] for body in bodies]


@pytest.mark.parametrize(("limit", "told", "pages"), [((), 250, 3), (("--limit", 101), 101, 2), (("--limit", 7), 7, 1)])
def test_requests_are_listed_newest_first_over_as_many_pages_as_it_takes(
    run: Run, service: FakeService, limit: tuple[object, ...], told: int, pages: int
) -> None:
    made = requests_made(service, *["cat"] * 250)
    result = run("list", "--json", *limit)
    assert [each["request_id"] for each in lines(result)] == made[::-1][:told]
    assert (result.exit_code, service.calls["list"]) == (0, pages)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (["--status", "failed"], [1, 0]),
        (["--status", "pending"], [3, 2]),
        (["--label", "dog"], [3, 1]),
        (["-l", "bird"], []),
    ],
)
def test_a_list_is_of_what_is_wanted(run: Run, service: FakeService, wanted: list[str], told: list[int]) -> None:
    made = requests_made(service, "cat", "dog")
    service.lapse("timed_out")
    made += requests_made(service, "cat", "dog")
    result = run("list", "--json", *wanted)
    assert [each["request_id"] for each in lines(result)] == [made[at] for at in told]
    assert result.exit_code == 0


def test_a_page_that_holds_nothing_wanted_is_not_the_end(run: Run, service: FakeService) -> None:
    [wanted, *_] = requests_made(service, "dog", *["cat"] * 100)
    assert [each["request_id"] for each in lines(run("list", "--json", "--label", "dog"))] == [wanted]


def test_a_list_for_people_is_a_sentence_for_each(run: Run, service: FakeService) -> None:
    [request_id] = requests_made(service, "cat")
    assert run("list", "--from", "2026-11-22").stdout == f"{request_id}: Waiting.\n"
    assert "from=2026-11-22" in service.paths[-1]


def test_a_query_is_written_as_signatures_need_it(run: Run, service: FakeService) -> None:
    run("list", "--label", "black cat", "--from", "2026-11-22T10:00+01:00")
    assert service.paths[-1] == "/v1/scanrequests?label=black%20cat&from=2026-11-22T10%3A00%2B01%3A00&limit=100"


def test_a_list_that_the_service_refuses_is_a_failure_that_says_why(run: Run) -> None:
    told = run("list", "--from", "nonsense")
    assert (told.exit_code, told.stdout) == (3, "That is no time.\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["submit", "no-such-file"], "no-such-file"),
        (["submit"], "PATH"),
        (["status"], "ID"),
        (["ask", "r1"], "--label"),
        (["submit", ".", "--match", "some"], "some"),
        (["submit", ".", "--min-confidence", "24.9"], "--min-confidence"),
        (["submit", ".", "--min-confidence", "101"], "--min-confidence"),
        (["submit", ".", "--min-confidence", "nan"], "--min-confidence"),
        (["ask", "r1", "-l", "cat", "--min-confidence", "10"], "--min-confidence"),
        (["submit", ".", "--concurrency", "0"], "--concurrency"),
        (["list", "--status", "done"], "done"),
        (["list", "--limit", "0"], "--limit"),
        (["status", "r1", "--api", "example.com"], "https://"),
        (["--config", "no-such-file", "status", "r1"], "no-such-file"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_what_is_wrong(
    run: Run, arguments: list[str], complaint: str
) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_paths_without_a_picture_are_a_wrong_command_line(run: Run, folder: Path) -> None:
    result = run("submit", folder / "notes.txt")
    assert result.exit_code == 2
    assert "no JPEG or PNG picture" in result.stderr


def test_no_address_says_the_three_ways_to_give_one(run: Run) -> None:
    result = run("status", "r1", api=None)
    assert result.exit_code == 2
    assert all(way in result.stderr for way in ("--api", "IMAGESCAN_API", 'api = "https://..."'))


def test_a_flag_outweighs_the_environment_and_that_the_file(run: Run, config_file: Path, service: FakeService) -> None:
    config_file.write_text(f'api = "{service.api}/file"\nconcurrency = 2\n')
    for api, flags, path in [
        (None, [], "/v1/file/"),
        (f"{service.api}/environment", [], "/v1/environment/"),
        (f"{service.api}/environment", ["--api", f"{service.api}/flag/"], "/v1/flag/"),
    ]:
        service.faults = [Fault("status", 418)]
        run("status", "r1", *flags, api=api)
        assert service.paths[-1] == f"{path}scanrequest/r1"


@pytest.mark.parametrize(
    ("text", "complaint"), [("apy = 1", "apy"), ("api =", "cannot be read"), ('api = "\\u00"', "cannot be read")]
)
def test_a_file_of_settings_that_cannot_be_used_is_said_to_be_so(
    run: Run, config_file: Path, text: str, complaint: str
) -> None:
    config_file.write_text(text)
    result = run("status", "r1")
    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize("text", ["10", "500", "nan", '"high"'])
def test_a_confidence_that_the_service_does_not_take_is_as_wrong_in_the_file(
    run: Run, folder: Path, config_file: Path, service: FakeService, text: str
) -> None:
    config_file.write_text(f"min_confidence = {text}")
    result = run("submit", folder)
    assert (result.exit_code, service.calls.total()) == (2, 0)
    assert "--min-confidence" in result.stderr


@pytest.mark.parametrize("confidence", [25, 100])
def test_a_confidence_that_the_service_takes_is_sent(
    run: Run, folder: Path, service: FakeService, confidence: int
) -> None:
    run("submit", folder / "cat.png", "--min-confidence", confidence)
    [(body, _)] = service.keys.values()
    assert body["min_confidence"] == confidence


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").stdout == f"imagescan {__version__}\n"


def test_nobody_at_the_address_ends_with_3_and_the_address(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETRY, "total", 0)  # else it would be tried for some seconds
    result = run("submit", folder, api="http://127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "http://127.0.0.1:1/scanrequests does not answer" in result.stderr


async def _upload(service: FakeService, request_id: str) -> None:
    async with Service(service.api, auth=httpx.BasicAuth("me", "secret")) as signed:
        await signed.status(request_id)
        await signed.upload({"method": "PUT", "url": f"{service.address}/bucket/x", "headers": {}}, b"")


def test_the_api_is_told_who_asks_and_the_bucket_never(service: FakeService) -> None:
    [request_id] = requests_made(service, "cat")
    service.faults = [Fault("upload", 200)]
    asyncio.run(_upload(service, request_id))
    api, bucket = service.headers
    assert "Authorization" in api
    assert "Authorization" not in bucket
