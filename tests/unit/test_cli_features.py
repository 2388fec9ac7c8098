"""Labels, moderation and text on the command line, against a fake service over HTTP."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService, Fault

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface


@pytest.fixture
def bar(tmp_path: Path) -> Path:
    """Return an image with a cat, alcohol and a line of text."""
    path = tmp_path / "bar.png"
    path.write_bytes(png() + b"cat Alcohol text:BIG SALE, TODAY")
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return an image without moderation labels and text."""
    path = tmp_path / "plain.png"
    path.write_bytes(png() + b"cat")
    return path


def sent_questions(service: FakeService) -> list[dict[str, Any]]:
    fields = ("labels", "moderation", "text", "features", "match_mode")
    return [{name: body[name] for name in fields if name in body} for body, _ in service.keys.values()]


# ---------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    ("options", "question"),
    [
        (["--moderation", "any"], {"moderation": ["*"]}),
        (["--moderation", "*"], {"moderation": ["*"]}),
        (["--moderation", "ANY,*"], {"moderation": ["*"]}),
        (["--moderation", "Alcohol, Violence", "--moderation=Drugs"], {"moderation": ["Alcohol", "Violence", "Drugs"]}),
        (["--text", "Sale, today", "--text", " 50% "], {"text": ["Sale, today", "50%"]}),
        (["--text", "Sale", "--text", "SALE"], {"text": ["Sale"]}),
        (["--feature", "text", "--feature", "labels", "--feature", "text"], {"features": ["labels", "text"]}),
        (["--label", "cat", "--text", "cat"], {"labels": ["cat"], "text": ["cat"]}),
        (
            ["-l", "cat", "--moderation", "any", "--text", "sale", "--feature", "labels", "--match-mode", "all"],
            {"labels": ["cat"], "moderation": ["*"], "text": ["sale"], "features": ["labels"], "match_mode": "all"},
        ),
    ],
)
def test_options_of_a_question_are_sent_as_its_fields(
    run: Run, bar: Path, service: FakeService, options: list[str], question: dict[str, Any]
) -> None:
    run("submit", bar, *options)
    assert sent_questions(service) == [question]


@pytest.mark.parametrize("options", [["--moderation", "any"], ["--text", "sale"], ["--feature", "text"]])
def test_default_label_is_not_asked_for_if_anything_else_is_requested(run: Run, bar: Path, options: list[str]) -> None:
    [result] = lines(run("submit", bar, *options, "--wait", "--json"))
    assert result["labels_asked"] == []


def test_default_label_is_asked_for_if_nothing_else_is_requested(run: Run, bar: Path) -> None:
    [result] = lines(run("submit", bar, "--wait", "--json"))
    assert result["labels_asked"] == ["cat"]


def test_different_questions_about_the_same_image_have_different_requests(run: Run, bar: Path) -> None:
    questions = [
        ["--label", "sale"],
        ["--text", "sale"],
        ["--moderation", "sale"],
        ["--feature", "text"],
        ["--feature", "labels"],
        ["--label", "sale", "--feature", "text"],
    ]
    first = [lines(run("submit", bar, *each, "--wait", "--json"))[0] for each in questions]
    again = [lines(run("submit", bar, *each, "--wait", "--json"))[0] for each in questions]
    assert [each["label_matched"] for each in first] == [False, True, False, None, None, False]
    assert len({each["request_id"] for each in first}) == len(questions)
    assert [each["request_id"] for each in again] == [each["request_id"] for each in first]


def test_known_image_is_scanned_for_another_feature_without_an_upload(
    run: Run, bar: Path, service: FakeService
) -> None:
    run("submit", bar, "--label", "cat", "--wait")
    result = run("submit", bar, "--text", "sale", "--wait")
    assert (result.exit_code, service.uploads) == (0, 1)
    assert "; 0 uploaded." in result.stderr
    assert [*service.scans.values()] == [{"labels", "text"}]


@pytest.mark.parametrize("command", [["submit", "."], ["ask", "r1"]])
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--moderation", ","], "no moderation label given; use any or '*'"),
        (["--moderation", "caf\udce9"], "the moderation label is not valid UTF-8"),
        (["--text", " "], "no text given"),
        (["--text", "sale", "--text", ""], "no text given"),
        (["--text", "caf\udce9"], "the text is not valid UTF-8"),
        (["--text", "x" * 101], "a text has 101 characters; the maximum is 100"),
        (["--label", "x" * 101], "a label has 101 characters; the maximum is 100"),
        ([word for at in range(26) for word in ("--text", f"{at}")], "26 texts given; the maximum is 25"),
        (["--feature", "faces"], "'faces' is not one of 'labels', 'moderation', 'text'"),
        (["--feature", "labels,text"], "'labels,text' is not one of"),
    ],
)
def test_invalid_value_is_a_usage_error_before_anything_is_sent(
    run: Run, service: FakeService, command: list[str], options: list[str], complaint: str
) -> None:
    result = run(*command, *options)
    assert (result.exit_code, result.stdout, service.calls.total()) == (2, "", 0)
    assert complaint in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "estimate"),
    [
        ([], "at most 2 scans, USD 0.002 "),
        (["--text", "sale"], "at most 2 scans, USD 0.002 "),
        (["--text", "sale", "--feature", "labels"], "at most 4 scans (labels + text), USD 0.004 "),
        (["-l", "cat", "--moderation=any", "--text=sale"], "at most 6 scans (labels + moderation + text), USD 0.006 "),
    ],
)
@pytest.mark.usefixtures("bar", "plain")
def test_dry_run_counts_a_scan_for_each_feature(run: Run, tmp_path: Path, options: list[str], estimate: str) -> None:
    assert estimate in run("submit", tmp_path, *options, "--dry-run").stderr


# ---------------------------------------------------------------- what is printed


def test_findings_of_all_features_follow_the_message(run: Run, bar: Path, plain: Path, service: FakeService) -> None:
    result = run("submit", bar, plain, "--moderation", "any", "--text", "sale", "--feature", "labels", "--wait")
    ids = {request["reference"]: request_id for request_id, request in service.requests.items()}
    assert sorted(result.stdout.splitlines()) == [
        f'{bar}: Yes. Labels: Cat 98.7%. Moderation: Alcohol 91.5%. Text: "BIG SALE, TODAY" 99.1%. [{ids[str(bar)]}]',
        f"{plain}: No. Labels: Cat 98.7%. Moderation: none. Text: none. [{ids[str(plain)]}]",
    ]
    assert (result.exit_code, result.stderr) == (0, "2 images: 1 yes, 1 no; 2 uploaded.\n")


def test_findings_of_known_images_are_printed_too(run: Run, bar: Path, plain: Path) -> None:
    for _ in range(2):
        result = run("submit", bar, plain, "--feature", "text", "--wait")
        assert 'Scanned. Text: "BIG SALE, TODAY" 99.1%.' in result.stdout
        assert "Scanned. Text: none." in result.stdout


def test_question_about_labels_only_prints_the_message_only(run: Run, bar: Path, service: FakeService) -> None:
    result = run("submit", bar, "--label", "cat", "--wait")
    [request_id] = service.requests
    assert result.stdout == f"{bar}: Yes. [{request_id}]\n"


@pytest.mark.parametrize("command", ["status", "wait"])
def test_status_and_wait_print_findings(run: Run, bar: Path, command: str) -> None:
    [request] = lines(run("submit", bar, "--feature", "moderation", "--wait", "--json"))
    result = run(command, request["request_id"])
    assert result.stdout == f"{request['request_id']}: Scanned. Moderation: Alcohol 91.5%.\n"
    assert result.exit_code == 0


def test_pending_and_failed_images_have_no_findings(run: Run, bar: Path, service: FakeService) -> None:
    pending = run("submit", bar, "--text", "sale")
    assert "Text:" not in pending.stdout
    service.fail_pending("image_invalid")
    failed = run("submit", bar, "--text", "sale", "--wait")
    assert failed.exit_code == 3
    assert "Text:" not in failed.stdout


@pytest.mark.parametrize("count", [1, 3])
def test_json_contains_the_fields_of_the_service_for_single_and_batched_images(
    run: Run, tmp_path: Path, service: FakeService, count: int
) -> None:
    for at in range(count):
        (tmp_path / f"{at}.png").write_bytes(png() + f"{at} cat Alcohol text:sale".encode())
    options = ["--moderation", "any", "--text", "sale", "--json"]
    pending = lines(run("submit", tmp_path, *options))
    empty = {"labels": [], "moderation": {"labels": [], "model_version": None}}
    assert [each | empty | {"text": {"lines": [], "model_version": None}} for each in pending] == pending
    for _ in range(2):
        finished = lines(run("submit", tmp_path, *options, "--wait"))
        assert len(finished) == count
        for each in finished:
            assert service.requests[each["request_id"]].items() <= each.items()
            assert each["text"] == {"lines": [{"text": "sale", "confidence": 99.12}], "model_version": "7.0"}


def test_failed_image_of_a_batch_has_the_findings_of_the_features_that_were_scanned(
    run: Run, bar: Path, plain: Path, service: FakeService
) -> None:
    run("submit", bar, plain, "--moderation", "any", "--text", "sale")
    service.fail_pending("image_invalid")
    found = {"labels": [{"name": "Alcohol", "confidence": 91.53}], "model_version": "7.0"}
    for request in service.requests.values():
        request["moderation"] = found
    failed = lines(run("submit", bar, plain, "--moderation", "any", "--text", "sale", "--wait", "--json"))
    assert [each["moderation"] for each in failed] == [found, found]


def test_table_and_report_contain_the_findings(run: Run, bar: Path, plain: Path, tmp_path: Path) -> None:
    table, page = tmp_path / "out.csv", tmp_path / "out.html"
    result = run("submit", bar, plain, "--moderation", "any", "--feature", "text", "--csv", table, "--report", page)
    assert result.exit_code == 0
    rows = {Path(row["path"]).name: row for row in csv.DictReader(StringIO(table.read_text(encoding="utf-8-sig")))}
    assert [rows["bar.png"][name] for name in ("features", "moderation", "text", "labels")] == [
        "moderation; text",
        "Alcohol 91.5%",
        "BIG SALE, TODAY 99.1%",
        "",
    ]
    assert [rows["plain.png"][name] for name in ("moderation", "text")] == ["", ""]
    assert "Moderation: Alcohol 92%" in page.read_text()
    assert "Scan results: moderation:any" in page.read_text()


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("options", "exit_code"),
    [
        (["--moderation", "any"], 0),
        (["--moderation", "alcohol free"], 1),
        (["--text", "sale"], 0),
        (["--text", "closed"], 1),
        (["--label", "cat", "--text", "closed"], 0),
        (["--label", "cat", "--text", "closed", "--match-mode", "all"], 1),
        (["--moderation", "any", "--match-mode", "none"], 1),
        (["--feature", "text"], 0),
        (["--label", "dog", "--feature", "text"], 1),
    ],
)
def test_exit_code_is_that_of_the_answer_and_0_without_a_question(
    run: Run, bar: Path, options: list[str], exit_code: int
) -> None:
    assert run("submit", bar, *options, "--wait").exit_code == exit_code


def test_image_without_a_question_counts_as_scanned_in_the_summary(run: Run, bar: Path, plain: Path) -> None:
    assert run("submit", bar, plain, "--feature", "text", "--wait").stderr == "2 images: 2 scanned; 2 uploaded.\n"


# ---------------------------------------------------------------- ask and list


@pytest.fixture
def request_id(run: Run, bar: Path) -> str:
    """Return the ID of a completed request for moderation and text."""
    [request] = lines(run("submit", bar, "--feature", "moderation", "--feature", "text", "--wait", "--json"))
    return str(request["request_id"])


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--text", "sale"], 0, "Yes."),
        (["--text", "closed"], 1, "No."),
        (["--moderation", "*"], 0, "Yes."),
        (["--moderation", "any", "--text", "closed", "--match-mode", "all"], 1, "No."),
        (["--feature", "text"], 0, "Scanned."),
    ],
)
def test_follow_up_question_about_moderation_and_text_is_answered_without_another_scan(
    run: Run, service: FakeService, request_id: str, *, options: list[str], exit_code: int, message: str
) -> None:
    service.calls.clear()
    result = run("ask", request_id, *options)
    assert (result.exit_code, result.stdout, result.stderr) == (exit_code, f"{request_id}: {message}\n", "")
    assert service.calls == {"ask": 1}


def test_question_about_a_feature_that_was_not_scanned_prints_once_how_to_scan_for_it(
    run: Run, bar: Path, service: FakeService, request_id: str
) -> None:
    result = run("ask", request_id, "--label", "cat", "--text", "sale")
    command = "imagescan submit FILE --feature labels --feature text"
    assert (result.exit_code, result.stderr) == (3, "")
    assert result.stdout == (
        f"Failed: {request_id}: The request was not scanned for every feature of the question. Submit the image again, "
        f"then ask about the new request: {command}\n"
    )
    [rescanned] = lines(run(*command.removeprefix("imagescan ").replace("FILE", str(bar)).split(), "--wait", "--json"))
    assert run("ask", rescanned["request_id"], "--label", "cat", "--text", "sale").exit_code == 0
    assert service.uploads == 1


def test_the_json_output_contains_the_message_of_the_service_only(run: Run, request_id: str) -> None:
    result = run("ask", request_id, "--label", "cat", "--json")
    [failed] = lines(result)
    assert failed["failure"]["code"] == "feature_not_scanned"
    assert failed["failure"]["message"] == "This request was not scanned for ['labels']."
    assert result.stderr == ""


def test_other_failures_of_a_follow_up_question_have_the_message_of_the_service(
    run: Run, service: FakeService, request_id: str
) -> None:
    service.faults = [Fault("ask", 409, content=b'{"code": "labels_unavailable", "message": "It failed."}')]
    assert run("ask", request_id, "--text", "sale").stdout == f"Failed: {request_id}: It failed.\n"


def test_asking_nothing_is_a_usage_error_that_names_the_options(run: Run, service: FakeService) -> None:
    result = run("ask", "r1", "--match-mode", "all")
    assert (result.exit_code, service.calls.total()) == (2, 0)
    assert "nothing to ask: use --label, --moderation, --text or --feature" in " ".join(result.stderr.split())


def test_answer_without_a_verdict_to_a_question_is_not_a_success(
    run: Run, service: FakeService, request_id: str
) -> None:
    answer = {
        "request_id": request_id,
        "message": "Yes.",
        "label_matched": None,
        "labels_asked": [],
        "text_asked": ["a"],
    }
    service.faults = [Fault("ask", 200, content=json.dumps(answer).encode())]
    assert run("ask", request_id, "--text", "a").exit_code == 3


@pytest.mark.parametrize(("feature", "expected"), [("labels", [1]), ("moderation", [0]), ("text", [0, 1])])
def test_list_filters_by_feature(
    run: Run, bar: Path, service: FakeService, request_id: str, *, feature: str, expected: list[int]
) -> None:
    [other] = lines(run("submit", bar, "--label", "cat", "--text", "sale", "--wait", "--json"))
    ids = [request_id, other["request_id"]]
    listed = {each["request_id"] for each in lines(run("list", "--feature", feature, "--json"))}
    assert listed == {ids[at] for at in expected}
    assert f"feature={feature}" in service.paths[-1]


def test_list_rejects_an_unknown_feature(run: Run) -> None:
    result = run("list", "--feature", "faces")
    assert (result.exit_code, "faces" in result.stderr) == (2, True)
