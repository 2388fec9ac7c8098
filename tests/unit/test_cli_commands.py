"""Commands against a fake service over HTTP."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from imagescan_cli import __version__
from imagescan_cli.api_client import RETRY, ApiClient
from imagescan_cli.image_files import ImageFile, read_image_file
from imagescan_cli.questions import Question
from imagescan_cli.schemas import RequestJson
from imagescan_cli.workflow import ScanWorkflow
from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService, Fault

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

PROXY = b'{"hello": "proxy"}'


async def _submit(service: FakeService, image: ImageFile) -> RequestJson:
    async with ApiClient(service.api_url) as client:
        workflow = ScanWorkflow(client, concurrency=1)
        return await workflow.submit(image, Question(("cat",)), wait=True, on_submitted=lambda: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, two of them identical, and a text file."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "cat.png").write_bytes(png() + b"cat")
    (folder / "copy.png").write_bytes(png() + b"cat")
    (folder / "dog.png").write_bytes(png() + b"dog")
    (folder / "notes.txt").write_text("cat")
    return folder


def test_every_image_of_a_directory_gets_a_result_and_other_files_are_noted(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--label", "cat", "--wait", "--json")
    results = {Path(each["path"]).name: each["label_matched"] for each in lines(result)}
    assert results == {"cat.png": True, "copy.png": True, "dog.png": False}
    assert result.exit_code == 0
    skipped = f"Skipped 1 file: not JPEG, PNG, HEIC, WebP, AVIF or GIF\n  {folder / 'notes.txt'}\n"
    assert result.stderr == f"{skipped}3 images: 2 yes, 1 no; 2 uploaded. 1 file skipped.\n"


def test_progress_is_drawn_on_standard_error_only(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--wait", "--json", TTY_COMPATIBLE="1")
    assert "finished" in result.stderr
    assert len(lines(result)) == 3


def test_text_output_is_one_sentence_per_image(run: Run, folder: Path) -> None:
    result = run("submit", folder / "dog.png", "--wait")
    assert result.stdout.startswith(f"{folder / 'dog.png'}: No. [")
    assert result.exit_code == 1


def test_directory_submitted_again_is_not_uploaded_again(run: Run, folder: Path, service: FakeService) -> None:
    first = run("submit", folder, "--wait", "--json")
    again = run("submit", folder, "--wait", "--json")
    assert service.uploads == 2
    assert "0 uploaded" in again.stderr
    assert {each["request_id"] for each in lines(first)} == {each["request_id"] for each in lines(again)}


def test_rerun_resumes_an_interrupted_run(run: Run, folder: Path, service: FakeService) -> None:
    submitted = run("submit", folder, "--json")
    assert submitted.exit_code == 0
    assert {each["status"] for each in lines(submitted)} == {"pending"}
    finished = run("submit", folder, "--json", "--wait")
    assert "0 uploaded" in finished.stderr
    assert service.uploads == 2
    assert {each["request_id"] for each in lines(submitted)} == {each["request_id"] for each in lines(finished)}


def test_presigned_url_is_not_printed(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--json")
    assert "secret" not in result.output
    assert {each["upload"] for each in lines(result)} == {None}


@pytest.mark.parametrize("code", ["never_uploaded", "timed_out", "attempts_exhausted"])
def test_request_that_failed_for_another_reason_than_its_image_is_replaced_by_a_new_one(
    run: Run, folder: Path, service: FakeService, code: str
) -> None:
    service.faults = [Fault("upload", 403)]
    assert run("submit", folder / "cat.png").exit_code == 3
    service.fail_pending(code)
    for _ in range(2):
        result = run("submit", folder / "cat.png", "--wait")
        assert (result.exit_code, len(service.images)) == (0, 1)
    assert len(service.requests) == 2


def test_image_whose_request_was_deleted_is_submitted_with_a_new_key(
    run: Run, folder: Path, service: FakeService
) -> None:
    for deletions in range(3):
        result = run("submit", folder / "cat.png", "--wait", "--json")
        assert (result.exit_code, len(service.deleted)) == (0, deletions)
        assert run("delete", lines(result)[0]["request_id"]).exit_code == 0


def test_permanent_failure_of_an_image_is_reported_and_not_resubmitted(
    run: Run, folder: Path, service: FakeService
) -> None:
    service.polls_per_scan = 10
    run("submit", folder / "cat.png")
    service.fail_pending("image_invalid")
    result = run("submit", folder / "cat.png", "--wait", "--json")
    assert (result.exit_code, lines(result)[0]["failure"]["code"]) == (3, "image_invalid")
    assert len(service.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_every_method_is_retried_after_a_transient_error(method: str, status: int) -> None:
    assert RETRY.is_retry(method, status, has_retry_after=False)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 415])
def test_no_call_is_retried_after_a_permanent_error(status: int) -> None:
    assert not RETRY.is_retryable_status_code(status)


@pytest.mark.parametrize(("call", "status"), [("submit", 429), ("upload", 503), ("status", 500)])
def test_transient_error_is_retried(run: Run, folder: Path, service: FakeService, call: str, status: int) -> None:
    service.faults = [Fault(call, status)]
    result = run("submit", folder / "cat.png", "--wait")
    assert result.exit_code == 0
    assert len(service.requests) == 1


def test_retry_waits_as_long_as_retry_after_says(run: Run, folder: Path, service: FakeService) -> None:
    service.faults = [Fault("submit", 429, {"Retry-After": "1"})]
    started = time.monotonic()
    assert run("submit", folder / "cat.png").exit_code == 0
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("status", [400, 403])
def test_permanent_error_is_not_retried_and_does_not_affect_other_images(
    run: Run, folder: Path, service: FakeService, status: int
) -> None:
    rejection = b'{"code": "rejected", "message": "Use another image."}'
    service.faults = [Fault("submit_entry", status, content=rejection)]
    result = run("submit", folder / "cat.png", folder / "dog.png", "--wait", "--json", "--concurrency", 1)
    first, second = sorted(lines(result), key=lambda each: str(each["path"]))
    assert (first["failure"]["code"], first["message"]) == ("rejected", "Use another image.")
    assert second["status"] == "completed"
    assert (result.exit_code, service.calls["submit_batch"], service.calls["submit"]) == (3, 1, 0)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("submit", 418, content=b'{"message": "I am a proxy."}'), "http_418"),
        (Fault("status", 404, content=b"<html>not found</html>"), "http_404"),
        (Fault("status", 200, content=b"<html>hello</html>"), "unexpected_response"),
        (Fault("status", 200, content=b"[]"), "unexpected_response"),
        (Fault("submit", 200, {"Content-Encoding": "gzip"}, b"not compressed"), "unexpected_response"),
        (Fault("status", 200, content=PROXY), "unexpected_response"),
        (Fault("upload", 403, content=b"<Error><Code>AccessDenied</Code></Error>"), "upload_rejected"),
    ],
)
def test_unexpected_response_is_a_failure_with_a_code(
    run: Run, folder: Path, service: FakeService, fault: Fault, code: str
) -> None:
    service.faults = [fault]
    result = run("submit", folder / "cat.png", "--wait", "--json")
    assert (result.exit_code, lines(result)[0]["failure"]["code"]) == (3, code)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("status", ["status", "r1"]),
        ("ask", ["ask", "r1", "-l", "cat"]),
        ("list", ["list"]),
        ("delete", ["delete", "r1"]),
        ("stats", ["stats"]),
    ],
)
@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, PROXY),
        (200, b"<html>hello</html>"),
        (301, b""),
        (403, b'{"message": "Forbidden"}'),  # API Gateway, for a stage that does not exist
        (404, b"<html>not found</html>"),
        (404, b'{"code": "not_found", "message": "The path does not exist."}'),
    ],
)
def test_wrong_url_is_reported_as_such(
    run: Run, service: FakeService, *, call: str, arguments: list[str], status: int, content: bytes
) -> None:
    service.faults = [Fault(call, status, content=content)]
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"{service.api_url} is not the URL of an imagescan API: ")
    assert f"returned {status} " in result.stderr
    assert "Check --api-url" in result.stderr


def test_wrong_url_stops_a_run_with_many_images(run: Run, folder: Path, service: FakeService) -> None:
    service.faults = [Fault(kind, 404, content=b"<html>") for kind in ("submit_batch", *["submit"] * 9)]
    result = run("submit", folder, "--json")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.count("is not the URL of an imagescan API") == 1


def test_unexpected_response_after_one_of_the_api_fails_one_image_only(
    run: Run, folder: Path, service: FakeService
) -> None:
    service.faults = [
        Fault("submit_entry", 500, content=b'{"code": "internal_error", "message": "Try again."}'),
        Fault("submit", 404, content=b"<html>"),
    ]
    result = run("submit", folder, "--json", "--wait")
    assert sorted((each["failure"] or {"code": ""})["code"] for each in lines(result)) == ["", "http_404", "http_404"]


def test_unexpected_error_exits_with_3_and_one_line(run: Run, service: FakeService) -> None:
    service.faults = [Fault("status", 200, content=b"[" * 1_000_000)]  # nested too deeply for any JSON parser
    result = run("status", "r1")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Unexpected error: RecursionError: ")
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
def test_upload_is_retried_after_transient_s3_errors_only(
    run: Run, folder: Path, service: FakeService, *, status: int, code: str, uploads: int, exit_code: int
) -> None:
    service.faults = [Fault("upload", status, content=f"<Error><Code>{code}</Code></Error>".encode())]
    result = run("submit", folder / "cat.png", "--wait", "--json")
    assert (result.exit_code, service.calls["upload"]) == (exit_code, uploads)


def test_transient_s3_error_is_reported_after_the_last_retry(
    run: Run, folder: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETRY, "total", 1)  # avoids several seconds of retries
    service.faults = [Fault("upload", 400, content=b"<Error><Code>RequestTimeout</Code></Error>") for _ in range(2)]
    [failed] = lines(run("submit", folder / "cat.png", "--json"))
    assert (failed["failure"]["code"], "400 RequestTimeout" in failed["message"]) == ("upload_rejected", True)


def test_failed_upload_fails_that_image_only(
    run: Run, folder: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETRY, "total", 1)  # avoids several seconds of retries
    cat = read_image_file(folder / "cat.png")
    assert cat is not None
    service.unreachable_uploads.add(cat.sha256)
    result = run("submit", folder, "--wait", "--json", "--concurrency", 1)
    failures = {Path(each["path"]).name: (each["failure"] or {}).get("code") for each in lines(result)}
    assert failures == {"cat.png": "upload_failed", "copy.png": "upload_failed", "dog.png": None}
    assert (result.exit_code, "secret" in result.output) == (3, False)


def test_file_that_changed_after_hashing_is_rejected_and_never_gets_a_wrong_answer(
    folder: Path, service: FakeService
) -> None:
    image = read_image_file(folder / "cat.png")
    assert image is not None
    image.path.write_bytes(png() + b"something else")
    request = asyncio.run(_submit(service, image))
    assert (request["failure"]["code"], service.images) == ("upload_rejected", {})


def test_file_that_disappeared_after_hashing_is_a_failure(folder: Path, service: FakeService) -> None:
    image = read_image_file(folder / "cat.png")
    assert image is not None
    image.path.unlink()
    assert asyncio.run(_submit(service, image))["failure"]["code"] == "unreadable"


def test_waiting_ends_at_the_timeout(run: Run, folder: Path, service: FakeService) -> None:
    service.polls_per_scan = 1000
    result = run("submit", folder / "cat.png", "--wait", "--timeout", 1, "--json")
    assert (result.exit_code, lines(result)[0]["status"]) == (3, "pending")


def test_status_shows_the_current_state_and_wait_polls_until_the_end(
    run: Run, folder: Path, service: FakeService
) -> None:
    service.polls_per_scan = 2
    [submitted] = lines(run("submit", folder / "cat.png", "--json"))
    pending = run("status", submitted["request_id"], "--json")
    assert (pending.exit_code, lines(pending)[0]["status"]) == (4, "pending")
    finished = run("wait", submitted["request_id"], "--json")
    assert (finished.exit_code, lines(finished)[0]["label_matched"]) == (0, True)
    assert run("status", submitted["request_id"]).exit_code == 0


def test_unknown_request_is_a_failure_and_does_not_affect_others(run: Run, folder: Path) -> None:
    [submitted] = lines(run("submit", folder / "cat.png", "--json"))
    result = run("wait", submitted["request_id"], "a/../b", "--json")
    results = {each["request_id"]: each for each in lines(result)}
    assert results["a/../b"]["failure"]["code"] == "request_not_found"
    assert results[submitted["request_id"]]["label_matched"] is True
    assert result.exit_code == 3


def test_follow_up_question_requires_a_completed_request(run: Run, folder: Path) -> None:
    [submitted] = lines(run("submit", folder / "dog.png", "--json"))
    assert run("ask", submitted["request_id"], "--label", "dog").exit_code == 3
    run("wait", submitted["request_id"])
    assert run("ask", submitted["request_id"], "--label", "dog").exit_code == 0
    assert run("ask", submitted["request_id"], "--label", "cat").exit_code == 1


def create_requests(service: FakeService, *labels: str) -> list[str]:
    """Create requests on the service in this order and return their IDs."""
    bodies = [{"sha256": f"{len(service.requests) + index:064}", "label": label} for index, label in enumerate(labels)]
    return [service.post_request(body, body["sha256"])[1]["request_id"] for body in bodies]


@pytest.mark.parametrize(
    ("limit", "count", "pages"), [((), 30, 1), (("--all",), 250, 3), (("--limit", 100), 100, 2), (("--limit", 7), 7, 1)]
)
def test_list_is_newest_first_and_fetches_as_many_pages_as_needed(
    run: Run, service: FakeService, limit: tuple[object, ...], count: int, pages: int
) -> None:
    created = create_requests(service, *["cat"] * 250)
    result = run("list", "--json", *limit)
    assert [each["request_id"] for each in lines(result)] == created[::-1][:count]
    assert (result.exit_code, service.calls["list"]) == (0, pages)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--status", "failed"], [1, 0]),
        (["--status", "pending"], [3, 2]),
        (["--label", "dog"], [3, 1]),
        (["-l", "bird"], []),
    ],
)
def test_list_filters_by_status_and_label(
    run: Run, service: FakeService, filters: list[str], expected: list[int]
) -> None:
    created = create_requests(service, "cat", "dog")
    service.fail_pending("timed_out")
    created += create_requests(service, "cat", "dog")
    result = run("list", "--json", *filters)
    assert [each["request_id"] for each in lines(result)] == [created[at] for at in expected]
    assert result.exit_code == 0


def test_empty_page_does_not_end_the_list(run: Run, service: FakeService) -> None:
    [expected, *_] = create_requests(service, "dog", *["cat"] * 100)
    assert [each["request_id"] for each in lines(run("list", "--json", "--all", "--label", "dog"))] == [expected]


@pytest.mark.parametrize(("count", "has_more"), [(30, False), (31, True)])
def test_list_states_whether_there_are_more_requests(
    run: Run, service: FakeService, count: int, has_more: bool
) -> None:
    create_requests(service, *["cat"] * count)
    note = "Only the newest 30 requests are listed. Use --limit N or --all for more.\n"
    assert run("list").stderr == (note if has_more else "")


def test_text_list_is_a_table_with_age_file_verdict_and_id(run: Run, service: FakeService) -> None:
    [request_id] = create_requests(service, "cat")
    service.requests[request_id]["reference"] = "photos/a b.jpg"
    header, row = run("list", "--since", "2026-11-22").stdout.splitlines()
    assert header.split() == ["AGE", "FILE", "VERDICT", "ID"]
    assert row.split(maxsplit=1)[1] == f"photos/a b.jpg  pending (cat)  {request_id}"
    assert "created_after=2026-11-22" in service.paths[-1]


def test_list_query_is_encoded_as_signatures_require(run: Run, service: FakeService) -> None:
    run("list", "--label", "black cat", "--since", "2026-11-22T10:00+01:00")
    assert service.paths[-1] == "/v1/scanrequests?label=black%20cat&created_after=2026-11-22T10%3A00%2B01%3A00&limit=31"


def test_rejected_list_is_a_failure_with_the_message_of_the_service(run: Run) -> None:
    result = run("list", "--since", "nonsense")
    assert (result.exit_code, result.stdout) == (3, "Failed: Invalid time.\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["submit", "no-such-file"], "no-such-file"),
        (["submit"], "PATH"),
        (["status"], "ID"),
        (["ask", "r1"], "--label"),
        (["submit", ".", "--match-mode", "some"], "some"),
        (["submit", ".", "--min-confidence", "24.9"], "--min-confidence"),
        (["submit", ".", "--min-confidence", "101"], "--min-confidence"),
        (["submit", ".", "--min-confidence", "nan"], "--min-confidence"),
        (["ask", "r1", "-l", "cat", "--min-confidence", "10"], "--min-confidence"),
        (["submit", ".", "--concurrency", "0"], "--concurrency"),
        (["list", "--status", "done"], "done"),
        (["list", "--limit", "0"], "--limit"),
        (["status", "r1", "--api-url", "example.com"], "https://"),
        (["--config", "no-such-file", "status", "r1"], "no-such-file"),
        (["status", "r1", "--config", "no-such-file"], "no-such-file"),
        (["ask", "r1", "--label", ","], "no label given"),
        (["ask", "r1", "--label", "caf\udce9"], "UTF-8"),
        (["submit", ".", "--reference", "caf\udce9"], "UTF-8"),
        (["list", "--label", "cat,dog"], "one label"),
        (["submit", ".", "--report", "no-such-directory/out.html"], "no-such-directory"),
        (["submit", ".", "--csv", "no-such-directory/out.csv"], "no-such-directory"),
    ],
)
def test_usage_error_exits_with_2_and_names_the_problem(run: Run, arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_paths_without_an_image_are_a_usage_error(run: Run, folder: Path) -> None:
    result = run("submit", folder / "notes.txt")
    assert result.exit_code == 2
    assert "no images found" in result.stderr
    assert f"Skipped 1 file: not JPEG, PNG, HEIC, WebP, AVIF or GIF\n  {folder / 'notes.txt'}\n" in result.stderr


def test_missing_api_url_error_names_the_three_ways_to_set_it(run: Run) -> None:
    result = run("status", "r1", api_url=None)
    assert result.exit_code == 2
    assert all(each in result.stderr for each in ("--api-url", "IMAGESCAN_API_URL", 'api_url = "https://..."'))


def test_flag_takes_precedence_over_environment_over_file(run: Run, config_file: Path, service: FakeService) -> None:
    config_file.write_text(f'api_url = "{service.api_url}/file"\nconcurrency = 2\n')
    for api_url, flags, path in [
        (None, [], "/v1/file/"),
        (f"{service.api_url}/environment", [], "/v1/environment/"),
        (f"{service.api_url}/environment", ["--api-url", f"{service.api_url}/flag/"], "/v1/flag/"),
    ]:
        service.faults = [Fault("status", 418)]
        run("status", "r1", *flags, api_url=api_url)
        assert service.paths[-1] == f"{path}scanrequest/r1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("apy = 1", ": apy. Allowed settings: "), ("api_url =", "Cannot read"), ('api_url = "\\u00"', "Cannot read")],
)
def test_invalid_configuration_file_is_a_usage_error(run: Run, config_file: Path, text: str, complaint: str) -> None:
    config_file.write_text(text)
    result = run("status", "r1")
    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize("text", ["10", "500", "nan", '"high"'])
def test_invalid_confidence_in_the_file_is_a_usage_error(
    run: Run, folder: Path, config_file: Path, service: FakeService, text: str
) -> None:
    config_file.write_text(f"min_confidence = {text}")
    result = run("submit", folder)
    assert (result.exit_code, service.calls.total()) == (2, 0)
    assert "--min-confidence" in result.stderr


@pytest.mark.parametrize("confidence", [25, 100])
def test_valid_confidence_is_sent(run: Run, folder: Path, service: FakeService, confidence: int) -> None:
    run("submit", folder / "cat.png", "--min-confidence", confidence)
    [(body, _)] = service.keys.values()
    assert body["min_confidence"] == confidence


def test_version_is_printed(run: Run) -> None:
    assert run("--version").stdout == f"imagescan {__version__}\n"


def test_unreachable_api_exits_with_3_and_names_the_url(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RETRY, "total", 0)  # avoids several seconds of retries
    result = run("submit", folder, api_url="http://127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "http://127.0.0.1:1/scanrequests is unreachable" in result.stderr


async def _upload(service: FakeService, request_id: str) -> None:
    async with ApiClient(service.api_url, auth=httpx.BasicAuth("me", "secret")) as client:
        await client.status(request_id)
        await client.upload({"method": "PUT", "url": f"{service.origin}/bucket/x", "headers": {}}, b"")


def test_credentials_are_sent_to_the_api_and_never_to_the_bucket(service: FakeService) -> None:
    [request_id] = create_requests(service, "cat")
    service.faults = [Fault("upload", 200)]
    asyncio.run(_upload(service, request_id))
    api, bucket = service.headers
    assert "Authorization" in api
    assert "Authorization" not in bucket
