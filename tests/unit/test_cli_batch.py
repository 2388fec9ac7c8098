"""Batching of many images and requests, against a fake service over HTTP."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from imagescan_cli import workflow
from imagescan_cli.image_files import ImageFile, read_image_file
from imagescan_cli.questions import Question, idempotency_key, submit_body
from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService, Fault

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

IMAGE_COUNT = 60
FEW = 4
REJECTION = b'{"code": "rejected", "message": "Use another image."}'


def write_images(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        (folder / f"{index:02}.png").write_bytes(png() + f"cat {index}".encode())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", IMAGE_COUNT)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return write_images(tmp_path / "few", FEW)


def read_images(folder: Path) -> list[ImageFile]:
    return [image for path in sorted(folder.iterdir()) if (image := read_image_file(path))]


def codes(results: list[dict[str, Any]]) -> list[str | None]:
    return sorted((each["failure"] or {"code": ""})["code"] for each in results)


def test_60_new_images_take_3_submissions_60_uploads_and_few_polls(
    run: Run, folder: Path, service: FakeService
) -> None:
    result = run("submit", folder, "--wait", "--json")
    assert [each["label_matched"] for each in lines(result)] == [True] * IMAGE_COUNT
    polls = service.calls.pop("status_batch") + service.calls.pop("status", 0)
    assert service.calls == {"submit_batch": 3, "upload": IMAGE_COUNT}
    assert polls < IMAGE_COUNT / 5


def test_60_known_images_take_3_submissions_and_no_other_call(run: Run, folder: Path, service: FakeService) -> None:
    run("submit", folder, "--wait")
    service.calls.clear()
    result = run("submit", folder, "--wait")
    assert (result.exit_code, service.calls) == (0, {"submit_batch": 3})


def test_known_images_are_fetched_in_batches_for_complete_results(run: Run, folder: Path, service: FakeService) -> None:
    run("submit", folder, "--wait")
    service.calls.clear()
    for each in lines(run("submit", folder, "--json")):
        assert service.requests[each["request_id"]].items() <= each.items()
    assert (service.calls["submit_batch"], service.calls["status_batch"] <= 3, service.calls.total() <= 6) == (
        3,
        True,
        True,
    )


def test_pending_result_has_every_key(run: Run, few: Path, service: FakeService) -> None:
    for each in lines(run("submit", few, "--json")):
        assert each["status"] == "pending"
        assert service.requests[each["request_id"]].keys() <= each.keys()


def test_single_image_is_submitted_with_a_single_call(run: Run, few: Path, service: FakeService) -> None:
    run("submit", few / "00.png", "--wait")
    assert service.calls == {"submit": 1, "upload": 1, "status": 1}


def test_the_service_is_asked_to_wait_for_the_result_of_a_single_image(
    run: Run, few: Path, service: FakeService
) -> None:
    service.polls_per_scan, service.can_wait = 10, True
    result = run("submit", few / "00.png", "--wait")
    assert (result.exit_code, service.waits) == (0, [20])
    assert service.calls == {"submit": 1, "upload": 1, "status": 1}


def test_the_service_is_asked_to_wait_for_a_single_request(run: Run, few: Path, service: FakeService) -> None:
    service.polls_per_scan, service.can_wait = 10, True
    run("submit", few / "00.png")
    [request_id] = service.requests
    service.calls.clear()
    result = run("wait", request_id)
    assert (result.exit_code, service.waits) == (0, [20])
    assert service.calls == {"status": 2}  # the first one shows that the request is pending


def test_a_service_that_does_not_wait_is_asked_once_and_polled_from_then_on(
    run: Run, few: Path, service: FakeService
) -> None:
    service.polls_per_scan = 4
    result = run("submit", few / "00.png", "--wait")
    assert (result.exit_code, service.waits) == (0, [20])
    assert service.calls == {"submit": 1, "upload": 1, "status": 4}


def test_several_images_are_polled_in_batches_although_the_service_can_wait(
    run: Run, few: Path, service: FakeService
) -> None:
    service.can_wait = True
    run("submit", few, "--wait")
    assert service.calls["status_batch"] >= 1
    assert len(service.waits) <= 1  # the last image, if its scan takes longest


def test_the_wait_is_not_longer_than_the_timeout(run: Run, few: Path, service: FakeService) -> None:
    service.can_wait = True
    service.unscanned = {hashlib.sha256((few / "00.png").read_bytes()).hexdigest()}
    result = run("submit", few / "00.png", "--wait", "--timeout", "1.5")
    assert "Waiting." in result.output
    assert set(service.waits) == {1}


def test_a_long_scan_is_polled_after_three_held_responses(run: Run, few: Path, service: FakeService) -> None:
    service.can_wait = True
    service.unscanned = {hashlib.sha256((few / "00.png").read_bytes()).hexdigest()}
    run("submit", few / "00.png", "--wait", "--timeout", "3")
    assert len(service.waits) == 3
    assert 3 < service.calls["status"] < 15


def test_a_deferred_image_is_not_waited_for(run: Run, few: Path, service: FakeService) -> None:
    service.can_wait = True
    run("submit", few / "00.png")
    [pending] = service.requests.values()
    deferred = Fault("status", 200, {"Retry-After": "300"}, json.dumps(pending).encode())
    service.faults.append(deferred)
    result = run("wait", pending["request_id"], "--timeout", "2")
    assert (service.waits, service.calls["status"]) == ([], 1)
    assert "Waiting." in result.output


def test_batch_returns_requests_that_single_calls_created_with_the_same_keys(
    run: Run, few: Path, service: FakeService
) -> None:
    bodies = [submit_body(image, Question(("cat",)).for_path(image.path)) for image in read_images(few)]
    request_ids = {service.post_request(body, idempotency_key(body))[1]["request_id"] for body in bodies}
    assert {each["request_id"] for each in lines(run("submit", few, "--label", "cat", "--json"))} == request_ids


def test_at_most_25_submissions_are_ahead_of_the_uploads(run: Run, folder: Path, service: FakeService) -> None:
    assert run("submit", folder, "--concurrency", 2).exit_code == 0
    assert service.uploads == IMAGE_COUNT
    assert service.max_awaited_uploads <= 25 + 2


def test_stale_presigned_url_is_replaced_before_the_upload(
    run: Run, few: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "MAX_URL_AGE_SECONDS", -1)
    result = run("submit", few, "--wait")
    assert (result.exit_code, service.calls["submit_batch"], service.calls["submit"]) == (0, 1, FEW)
    assert (len(service.requests), service.uploads) == (FEW, FEW)


@pytest.mark.parametrize("code", ["never_uploaded", "timed_out"])
def test_expired_requests_are_replaced_in_batches(run: Run, folder: Path, service: FakeService, code: str) -> None:
    service.faults = [Fault("upload", 403) for _ in range(IMAGE_COUNT)]
    assert run("submit", folder).exit_code == 3
    service.fail_pending(code)
    service.calls.clear()
    result = run("submit", folder, "--wait")
    assert (result.exit_code, service.uploads, len(service.requests)) == (0, IMAGE_COUNT, 2 * IMAGE_COUNT)
    assert service.calls["submit_batch"] <= 6


@pytest.mark.parametrize("status", [400, 403, 409, 413])
def test_rejected_entry_fails_its_image_only(run: Run, few: Path, service: FakeService, status: int) -> None:
    service.faults = [Fault("submit_entry", status, content=REJECTION)]
    result = run("submit", few, "--wait", "--json")
    assert (result.exit_code, codes(lines(result))) == (3, [*[""] * (FEW - 1), "rejected"])
    assert (service.calls["submit_batch"], service.calls["submit"]) == (1, 0)


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "not_signed_in"), (403, "invalid_signature"), (403, "expired_token")],
)
def test_rejected_credentials_end_the_command_with_one_message(
    run: Run, folder: Path, service: FakeService, status: int, code: str
) -> None:
    body = json.dumps({"code": code, "message": "Sign in."}).encode()
    service.faults = [Fault("submit_batch", status, content=body) for _ in range(IMAGE_COUNT)]
    result = run("submit", folder, "--wait")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.count("Sign in. Check the credentials") == 1
    assert service.calls["submit"] == 0


@pytest.mark.parametrize(("status", "code"), [(403, "access_denied"), (404, "not_signed")])
def test_denied_submissions_end_the_command_with_one_message(
    run: Run, few: Path, service: FakeService, status: int, code: str
) -> None:
    body = json.dumps({"code": code, "message": "Not allowed."}).encode()
    service.faults = [Fault(call, status, content=body) for call in ("submit_batch", *["submit"] * FEW)]
    result = run("submit", few, "--wait")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.count("Not allowed. Check the credentials") == 1


@pytest.mark.parametrize(("status", "code"), [(403, "access_denied"), (404, "not_signed")])
def test_denied_batches_are_repeated_with_single_calls(
    run: Run, few: Path, service: FakeService, status: int, code: str
) -> None:
    body = json.dumps({"code": code, "message": "Not allowed."}).encode()
    service.faults = [Fault("submit_batch", status, content=body)]
    result = run("submit", few, "--wait")
    assert (result.exit_code, service.calls["submit"]) == (0, FEW)


def test_credentials_that_expire_during_a_run_leave_its_report(
    run: Run, few: Path, service: FakeService, tmp_path: Path
) -> None:
    assert run("submit", min(few.iterdir()), "--wait").exit_code == 0
    service.faults = [Fault("status_batch", 401, content=b'{"code": "expired_token", "message": "It has expired."}')]
    table = tmp_path / "results.csv"
    result = run("submit", few, "--csv", table)
    assert (result.exit_code, "It has expired. Check the credentials" in result.stderr) == (3, True)
    assert len(table.read_text().splitlines()) == 2
    assert f"without the {FEW - 1} images that have no result" in result.stderr


def test_entry_over_the_daily_limit_is_not_retried(run: Run, few: Path, service: FakeService) -> None:
    over_limit = json.dumps({"code": "daily_limit_exceeded", "message": "Submit it after midnight."}).encode()
    service.faults = [Fault("submit_entry", 403, content=over_limit)]
    result = run("submit", few, "--wait", "--json")
    assert (result.exit_code, codes(lines(result))) == (3, [*[""] * (FEW - 1), "daily_limit_exceeded"])
    assert service.calls["submit"] == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_entry_with_a_transient_error_is_retried_with_a_single_call(
    run: Run, few: Path, service: FakeService, status: int
) -> None:
    service.faults = [Fault("submit_entry", status, content=REJECTION), Fault("submit", status)]
    result = run("submit", few, "--wait")
    assert (result.exit_code, service.calls["submit_batch"], service.calls["submit"]) == (0, 1, 2)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("submit_batch", 403, content=REJECTION),
        Fault("submit_batch", 404, content=b"<html>not found</html>"),
        Fault("submit_batch", 200, content=b'{"hello": "proxy"}'),
        Fault("submit_batch", 200, content=b'{"results": []}'),
        Fault(
            "submit_batch", 200, content=json.dumps({"results": [{"status_code": 200, "request": {}}] * FEW}).encode()
        ),
    ],
    ids=str,
)
def test_rejected_batch_is_repeated_with_single_calls(run: Run, few: Path, service: FakeService, fault: Fault) -> None:
    service.faults = [fault, Fault("submit", 400, content=REJECTION)]
    result = run("submit", few, "--wait", "--json")
    assert codes(lines(result)) == [*[""] * (FEW - 1), "rejected"]
    assert service.calls["submit"] == FEW


def test_batch_is_retried_after_a_transient_error(run: Run, few: Path, service: FakeService) -> None:
    service.faults = [Fault("submit_batch", 503), Fault("status_batch", 429)]
    assert run("submit", few, "--wait").exit_code == 0
    assert (service.calls["submit_batch"], service.calls["submit"], len(service.requests)) == (2, 0, FEW)


@pytest.fixture
def request_ids(run: Run, folder: Path) -> list[str]:
    """Upload images and return the IDs of their requests."""
    return [each["request_id"] for each in lines(run("submit", folder, "--json"))]


def test_status_fetches_100_requests_per_call(run: Run, service: FakeService, request_ids: list[str]) -> None:
    service.calls.clear()
    result = run("status", *request_ids, *request_ids, "--json")
    assert sorted(each["request_id"] for each in lines(result)) == sorted(request_ids * 2)
    assert service.calls == {"status_batch": 2}


def test_ids_are_encoded_as_signatures_require(run: Run, service: FakeService, request_ids: list[str]) -> None:
    run("status", *request_ids[:2])
    assert service.paths[-1] == f"/v1/scanrequests?ids={request_ids[0]}%2C{request_ids[1]}"


def test_wait_polls_requests_in_batches(run: Run, service: FakeService, request_ids: list[str]) -> None:
    service.calls.clear()
    for image in service.images:
        service.polls_left[image] = 3
    result = run("wait", *request_ids)
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, IMAGE_COUNT)
    assert service.calls.total() <= 10


@pytest.mark.parametrize(
    ("fault", "single_calls"),
    [
        (Fault("status_entry", 413, content=b'{"code": "response_too_large", "message": "Too large."}'), 1),
        (Fault("status_entry", 500, content=REJECTION), 1),
        (Fault("status_batch", 414, content=b"<html>"), IMAGE_COUNT),
        (Fault("status_batch", 200, content=b'{"results": []}'), IMAGE_COUNT),
    ],
)
def test_request_that_a_batch_does_not_return_is_fetched_with_a_single_call(
    run: Run, service: FakeService, request_ids: list[str], fault: Fault, single_calls: int
) -> None:
    service.faults = [fault]
    result = run("status", *request_ids)
    assert (result.exit_code, service.calls["status"]) == (0, single_calls)


def test_ids_in_another_format_are_fetched_with_single_calls(
    run: Run, service: FakeService, request_ids: list[str]
) -> None:
    foreign_ids = [f"{request_ids[0]},{request_ids[1]}", "x" * 65, "a/b"]
    service.calls.clear()
    results = {
        each["request_id"]: each for each in lines(run("status", *foreign_ids, *request_ids[:2], "unknown", "--json"))
    }
    assert codes([results[each] for each in (*foreign_ids, "unknown")]) == ["request_not_found"] * 4
    assert codes([results[each] for each in request_ids[:2]]) == ["", ""]
    assert service.calls == {"status_batch": 1, "status": len(foreign_ids)}
