"""Options that change what is submitted and printed, against a fake service over HTTP."""

import base64
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from imagescan_cli import conversion, output
from imagescan_cli.api_client import RETRY
from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService, Fault
from tools import paths

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

UNKNOWN = "11111111-0000-4000-8000-000000000000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two different images, a copy of one of them, a hidden image and a thumbnail."""
    folder = tmp_path / "images"
    (folder / "@eaDir").mkdir(parents=True)
    for name, content in [("cat", b"cat"), ("copy", b"cat"), ("dog", b"dog"), (".hidden", b"h"), ("@eaDir/t", b"t")]:
        (folder / f"{name}.png").write_bytes(png() + content)
    return folder


def submitted_ids(run: Run, *paths: object) -> list[str]:
    return [each["request_id"] for each in lines(run("submit", *paths, "--json"))]


def sent_bodies(service: FakeService) -> list[dict[str, object]]:
    return [body for body, _ in service.keys.values()]


# ---------------------------------------------------------------- what is submitted


def test_comma_separated_labels_are_sent_as_several_labels(run: Run, folder: Path, service: FakeService) -> None:
    run("submit", folder / "cat.png", "--label=cat, dog", "--label", "bird")
    assert [body["labels"] for body in sent_bodies(service)] == [["cat", "dog", "bird"]]


def test_hidden_files_are_not_sent_and_are_named_and_counted(run: Run, folder: Path, service: FakeService) -> None:
    result = run("submit", folder, "--wait")
    assert len(service.images) == 2
    assert result.stderr == (
        "Skipped 2 files: hidden or thumbnails (--include-hidden submits them)\n"
        f"  {folder / '@eaDir'}/ (1 file)\n  {folder / '.hidden.png'}\n"
        "3 images: 2 yes, 1 no; 2 uploaded. 2 files skipped.\n"
    )


def test_include_hidden_submits_them(run: Run, folder: Path, service: FakeService) -> None:
    run("submit", folder, "--include-hidden")
    assert len(service.images) == 4


def test_excluded_files_are_not_sent(run: Run, folder: Path, service: FakeService) -> None:
    result = run("submit", folder, "--exclude", "c*.png", "--exclude", "@eaDir")
    assert len(service.images) == 1
    assert "Skipped 3 files: excluded by --exclude\n" in result.stderr


def test_at_most_20_skipped_files_with_the_same_reason_are_named(run: Run, folder: Path) -> None:
    for number in range(25):
        (folder / f"{number:02}.txt").write_text("text")
    named = "(--dry-run names all)"
    short, full = run("submit", folder).stderr, run("submit", folder, "--dry-run").stderr
    assert (short.count(".txt\n"), f"  and 5 more {named}\n" in short) == (20, True)
    assert (full.count(".txt\n"), named in full) == (25, False)


def test_dry_run_sends_nothing_and_states_the_maximum_cost(run: Run, folder: Path, service: FakeService) -> None:
    result = run("submit", folder, "--dry-run", api_url=None)
    assert (result.exit_code, service.calls.total()) == (0, 0)
    size = (folder / "cat.png").stat().st_size
    assert result.stdout == (
        f"{folder / 'cat.png'}: Would be submitted (image/png, {size} bytes).\n"
        f"{folder / 'copy.png'}: Would not be sent again, because it is identical to {folder / 'cat.png'}.\n"
        f"{folder / 'dog.png'}: Would be submitted (image/png, {size} bytes).\n"
    )
    assert result.stderr.endswith(
        "3 images, 2 different: at most 2 scans, USD 0.002 at the list price of Amazon Rekognition. Nothing was sent.\n"
    )


def test_dry_run_fails_if_a_file_is_unreadable(run: Run, folder: Path) -> None:
    paths = f"{folder / 'cat.png'}\n{folder / 'none.png'}\n".encode()
    result = run("submit", "-", "--dry-run", "--json", stdin=paths)
    assert (result.exit_code, [each["status"] for each in lines(result)]) == (3, ["failed", "planned"])
    assert result.stderr.startswith("1 image, 1 different: at most 1 scan, USD 0.001 ")


def test_dry_run_fails_if_a_decoder_is_missing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    conversion._register_heic.cache_clear()  # noqa: SLF001 - the decoder may have been loaded before
    (folder / "a.heic").write_bytes((paths.ROOT / "tests" / "data" / "cat.heic").read_bytes())
    result = run("submit", folder / "a.heic", folder / "cat.png", "--dry-run")
    assert (result.exit_code, "./cli[heic]" in result.stdout) == (3, True)
    assert result.stderr.startswith("1 image, 1 different: at most 1 scan, USD 0.001 ")


def test_dry_run_states_conversions(run: Run, folder: Path) -> None:
    Image.new("RGB", (100, 100)).save(folder / "a.webp")
    size = (folder / "a.webp").stat().st_size
    assert run("submit", folder / "a.webp", "--dry-run").stdout == (
        f"{folder / 'a.webp'}: Would be submitted (image/webp, {size} bytes) after conversion: WebP to JPEG.\n"
    )


def test_path_is_sent_as_the_reference_unless_one_is_given(run: Run, folder: Path, service: FakeService) -> None:
    image = folder / "cat.png"
    for options in ([], ["--reference", "order-7"], ["--reference", ""]):
        run("submit", image, *options)
    assert [body.get("reference") for body in sent_bodies(service)] == [str(image), "order-7", None]


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_paths_are_read_from_standard_input(run: Run, folder: Path, separator: bytes) -> None:
    paths = separator.join(os.fsencode(folder / name) for name in ("cat.png", "dog.png"))
    result = run("submit", "-", "--wait", "--json", stdin=paths)
    assert sorted(Path(each["path"]).name for each in lines(result)) == ["cat.png", "dog.png"]


def test_path_on_standard_input_that_does_not_exist_fails_alone(run: Run, folder: Path) -> None:
    result = run("submit", "-", "--json", stdin=f"{folder / 'none.png'}\n{folder / 'cat.png'}\n".encode())
    assert (result.exit_code, [each["status"] for each in lines(result)]) == (3, ["failed", "pending"])


def test_empty_standard_input_is_a_usage_error(run: Run) -> None:
    result = run("submit", "-", stdin=b"")
    assert (result.exit_code, "no images found" in result.stderr) == (2, True)


# ---------------------------------------------------------------- what is printed


def test_failures_are_marked_and_repeated_before_the_summary(run: Run, folder: Path, service: FakeService) -> None:
    service.faults = [Fault("submit_entry", 400, content=b'{"code": "rejected", "message": "Use another image."}')]
    result = run("submit", folder, "--wait")
    failed = [line for line in result.stdout.splitlines() if line.startswith("Failed: ")]
    assert [line.endswith(": Use another image.") for line in failed] == [True] * len(failed)
    assert len(failed) >= 1
    assert result.stderr.splitlines()[-1 - len(failed) : -1] == failed
    assert f"{len(failed)} failed" in result.stderr.splitlines()[-1]


def test_single_failure_is_printed_once(run: Run) -> None:
    result = run("status", UNKNOWN)
    assert (result.stdout, result.stderr) == (f"Failed: {UNKNOWN}: Request not found.\n", "")


def test_quiet_prints_results_and_errors_only(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("submit", folder, "--wait", "--quiet", TTY_COMPATIBLE="1")
    assert (len(result.stdout.splitlines()), result.stderr) == (3, "")
    assert run("-q", "list", "--limit", 1).stderr == ""
    monkeypatch.setattr(RETRY, "total", 0)  # avoids several seconds of retries
    assert "is unreachable" in run("submit", folder, "-q", api_url="http://127.0.0.1:1").stderr


@pytest.mark.parametrize(
    ("command", "names", "progress"),
    [
        ("submit", ["cat.png", "dog.png"], "2 images: 2 submitted, 0 finished"),
        ("submit", ["cat.png"], "1 image: 1 submitted, 0 finished"),
        ("wait", ["cat.png", "dog.png"], "2 requests: 0 finished"),
        ("wait", ["cat.png"], "1 request: 0 finished"),
    ],
)
def test_progress_of_a_long_wait_is_reported_regularly(
    run: Run,
    folder: Path,
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
    *,
    command: str,
    names: list[str],
    progress: str,
) -> None:
    monkeypatch.setattr(output, "REPORT_INTERVAL_SECONDS", 0.3)
    service.polls_per_scan = 1_000
    paths = [folder / name for name in names]
    arguments = paths if command == "submit" else submitted_ids(run, *paths)
    options = ["--wait"] if command == "submit" else []
    result = run(command, *arguments, *options, "--timeout", 1.5)
    assert result.stderr.count(f"{progress} after 0:00:0") >= 2


def test_reading_many_files_is_reported_regularly(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "REPORT_INTERVAL_SECONDS", 0)
    assert "2 files read.\n" in run("submit", folder, "--dry-run").stderr


def test_file_name_that_is_not_utf_8_results_in_valid_json(run: Run, folder: Path, service: FakeService) -> None:
    path = folder / "caf\udce9.png"
    path.write_bytes(png() + b"cat")
    result = run("submit", path, "--wait", "--json")
    [printed] = [json.loads(line) for line in result.stdout.encode().splitlines()]
    assert printed["path"] == f"{folder}/caf\ufffd.png"
    assert base64.b64decode(printed["path_base64"]) == os.fsencode(path)
    assert "\\ud" not in result.stdout
    assert [body["reference"] for body in sent_bodies(service)] == [printed["path"]]
    assert list(printed)[:2] == ["path", "path_base64"]


def test_plan_with_file_names_that_are_not_utf_8_is_valid_json(run: Run, folder: Path) -> None:
    for name in ("caf\udce9.png", "copy of caf\udce9.png"):
        (folder / name).write_bytes(png() + b"caf")
    result = run("submit", folder, "--dry-run", "--json")
    assert "\\ud" not in result.stdout
    assert {each["status"] for each in lines(result)} == {"planned"}


def test_file_name_that_is_utf_8_has_no_base64_form(run: Run, folder: Path) -> None:
    path = folder / "caf\u00e9.png"
    path.write_bytes(png() + b"cat")
    [printed] = lines(run("submit", path, "--json"))
    assert (printed["path"], "path_base64" in printed) == (str(path), False)


# ---------------------------------------------------------------- delete and stats


def test_delete_deletes_requests(run: Run, folder: Path, service: FakeService) -> None:
    first, second = submitted_ids(run, folder / "cat.png", folder / "dog.png")
    result = run("delete", first, second)
    assert sorted(result.stdout.splitlines()) == sorted([f"{first}: Deleted.", f"{second}: Deleted."])
    assert (result.exit_code, service.requests) == (0, {})


def test_deleting_an_unknown_request_is_a_failure_and_does_not_affect_others(run: Run, folder: Path) -> None:
    [known] = submitted_ids(run, folder / "cat.png")
    result = run("delete", UNKNOWN, known, "--json")
    statuses = {each["request_id"]: each["status"] for each in lines(result)}
    assert (result.exit_code, statuses) == (3, {UNKNOWN: "failed", known: "deleted"})


def test_repeated_deletion_after_a_lost_response_is_a_success(run: Run, folder: Path, service: FakeService) -> None:
    [known] = submitted_ids(run, folder / "cat.png")
    del service.requests[known]
    service.faults = [Fault("delete", 502)]
    assert (run("delete", known).exit_code, service.calls["delete"]) == (0, 2)


def test_stats_prints_one_counter_per_line(run: Run) -> None:
    assert run("stats").stdout == (
        "Images             7\n"
        "  labels           4\n"
        "  moderation       2\n"
        "  text             1\n"
        "Requests       1,234\n"
        "  completed    1,230\n"
        "  failed           4\n"
        "Scans              7\n"
        "  labels           4\n"
        "  moderation       2\n"
        "  text             1\n"
        "Scans avoided      2\n"
        "  by bytes         1\n"
        "  by content       1\n"
        "  labels           1\n"
        "  moderation       1\n"
        "  text             0\n"
        "As of          2026-11-27T03:03:26.858Z\n"
    )
    [body] = lines(run("stats", "--json"))
    assert body["scans_avoided"] == 2


def test_failed_stats_are_a_failure(run: Run, service: FakeService) -> None:
    service.faults = [Fault("stats", 401, content=b'{"code": "not_signed_in", "message": "Sign in."}')]
    result = run("stats")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "Sign in. Check the credentials: --auth, --token and your AWS profile.\n"


# ---------------------------------------------------------------- global options


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "--token", "ey.global", "list"],
        ["list", "--json", "--token", "ey.global"],
        ["--json", "list", "--token=ey.global"],
        ["--token", "ey.other", "list", "--json", "--token", "ey.global"],
    ],
)
def test_global_options_are_accepted_before_and_after_the_command(
    run: Run, folder: Path, service: FakeService, arguments: list[str]
) -> None:
    [request_id] = submitted_ids(run, folder / "cat.png")
    result = run(*arguments, IMAGESCAN_TOKEN="ey.environment")  # noqa: S106 - not a real token
    assert [each["request_id"] for each in lines(result)] == [request_id]
    assert service.headers[-1]["Authorization"] == "ey.global"


@pytest.mark.parametrize("is_before", [True, False])
def test_api_url_and_configuration_file_are_accepted_on_both_sides(
    run: Run, service: FakeService, tmp_path: Path, *, is_before: bool
) -> None:
    file = tmp_path / "other.toml"
    file.write_text(f'api_url = "{service.api_url}/file"')
    for option, value, path in [
        ("--config", str(file), "/v1/file/stats"),
        ("--api-url", f"{service.api_url}/flag", "/v1/flag/stats"),
    ]:
        url = f"{service.api_url}/environment" if option == "--api-url" else None
        run(*[option, value, "stats"] if is_before else ["stats", option, value], api_url=url)
        assert service.paths[-1] == path
