"""The command line as a process, against the deployed stack."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import ExifTags, Image

from local.control import RekognitionControl
from local.stack import Stack
from testing.image_variants import with_new_content
from tools import paths

IMAGE_COUNT = 200
FEW = 5
LARGE_BYTES = 12_000_000
CAT = {"Name": "Cat", "Confidence": 99, "Instances": [], "Parents": [], "Aliases": [], "Categories": []}

type Start = Callable[..., subprocess.Popen[str]]
type Finished = subprocess.CompletedProcess[str]
type Run = Callable[..., Finished]


@pytest.fixture
def start(stack: Stack, tmp_path: Path) -> Start:
    settings = tmp_path / "config.toml"
    settings.write_text(f'api_url = "{stack.api_url}"\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESCAN_")}
    environment |= {"IMAGESCAN_CONFIG": str(settings), "PYTHONPATH": str(paths.ROOT / "cli")}

    def start(*arguments: object, stdin: int | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "imagescan_cli", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdin=stdin, stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - our own code

    return start


@pytest.fixture
def run(start: Start) -> Run:
    def run(*arguments: object) -> Finished:
        process = start(*arguments)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    return run


@pytest.fixture
def fast_detection(stack: Stack) -> Iterator[None]:
    """Make the Rekognition emulator return a cat for every image without detection, because there are many."""
    control = f"{stack.rekognition_url}/_control/latency"
    httpx.post(control, json={"ms": 50, "labels": [CAT]}).raise_for_status()
    yield
    httpx.post(control, content="null").raise_for_status()


@pytest.fixture
def few(samples: Path, tmp_path: Path) -> Path:
    """Directory of new images."""
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(FEW):
        _write_unique(samples / "cat-small.png", folder / f"{number}.png")
    return folder


@pytest.fixture
def folder(samples: Path, tmp_path: Path) -> Path:
    """Directory tree of new images, with a copy of one of them and a text file."""
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for number in range(IMAGE_COUNT):
        _write_unique(samples / "cat-small.png", folder / "deep" / f"{number}.png")
    shutil.copy(folder / "deep" / "0.png", folder / "copy.of")
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.mark.usefixtures("fast_detection")
def test_directory_submitted_twice_is_uploaded_and_scanned_once(
    run: Run, folder: Path, stack: Stack, rekognition: RekognitionControl
) -> None:
    first = run("submit", folder, "--label", "cat", "--wait", "--json")
    assert (first.returncode, first.stderr.splitlines()[-1]) == (
        0,
        f"{IMAGE_COUNT + 1} images: {IMAGE_COUNT + 1} yes; {IMAGE_COUNT} uploaded. 1 file skipped.",
    )
    again = run("submit", folder, "--label", "cat", "--wait", "--json")
    assert again.stderr.endswith("; 0 uploaded. 1 file skipped.\n")
    assert all(each["labels"] for each in _results(again))
    other = run("submit", folder, "--label", "dog", "--wait", "--json")
    assert (other.returncode, other.stderr.splitlines()[-1]) == (
        1,
        f"{IMAGE_COUNT + 1} images: {IMAGE_COUNT + 1} no; 0 uploaded. 1 file skipped.",
    )
    hashes = {each["image_hash"] for each in _results(first)}
    assert _versions(stack, hashes) == dict.fromkeys(hashes, 1)
    assert rekognition.calls()["by_image"] == dict.fromkeys(hashes, 1)


def test_rerun_after_a_kill_uploads_nothing_twice(
    run: Run, start: Start, few: Path, stack: Stack, rekognition: RekognitionControl
) -> None:
    rekognition.fail(kind="slow", all=True, delay_ms=3000)  # keeps the submitted images unscanned
    killed = start("submit", few, "--concurrency", 1)
    assert killed.stdout is not None
    assert "has not been scanned yet" in killed.stdout.readline()
    killed.kill()
    killed.communicate()
    rerun = run("submit", few, "--json", "--wait")
    assert rerun.returncode == 0
    assert _uploads(rerun) < FEW
    hashes = {each["image_hash"] for each in _results(rerun)}
    assert _versions(stack, hashes) == dict.fromkeys(hashes, 1)


def test_image_of_12_megabytes_is_scanned(run: Run, samples: Path, tmp_path: Path) -> None:
    image = tmp_path / "large.jpg"
    image.write_bytes(with_new_content((samples / "cat.jpg").read_bytes()).ljust(LARGE_BYTES))
    assert run("submit", image, "--wait").returncode == 0


def test_wait_status_ask_and_list_work_for_a_request(run: Run, fresh_image: Path) -> None:
    [submitted] = _results(run("submit", fresh_image, "--json"))
    request = submitted["request_id"]
    assert run("wait", request).stdout.startswith(f"{request}: Yes: the image contains 'cat'")
    assert run("status", request).returncode == 0
    assert run("ask", request, "--label", "dog").returncode == 1
    assert run("ask", request, "--label", "dog", "--label", "cat", "--match-mode", "any").returncode == 0
    assert run("status", uuid.uuid4()).returncode == 3
    assert request in {each["request_id"] for each in _results(run("list", "--status", "completed", "--json"))}


def test_photo_is_stored_without_the_place_where_it_was_taken(
    run: Run, samples: Path, tmp_path: Path, stack: Stack
) -> None:
    place, exif = b"N 52.5163 E 13.3777", Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = place
    with Image.open(samples / "cat.jpg") as cat:
        cat.rotate(uuid.uuid4().int % 1000 / 200).save(tmp_path / "cat.jpg", exif=exif)  # new content for each run
    assert place in (tmp_path / "cat.jpg").read_bytes()
    finished = run("submit", tmp_path / "cat.jpg", "--label", "cat", "--wait", "--json", "--remove-metadata")
    [result] = _results(finished)
    assert (finished.returncode, result["label_matched"]) == (0, True)
    [content] = _contents(stack, result["image_hash"])
    assert place not in content
    assert finished.stderr.endswith("1 uploaded, metadata removed from 1.\n")


def test_converted_images_are_scanned_once_and_appear_in_report_and_table(
    run: Run, samples: Path, tmp_path: Path, rekognition: RekognitionControl
) -> None:
    folder, page, table = tmp_path / "mixed", tmp_path / "out.html", tmp_path / "out.csv"
    folder.mkdir()
    shutil.copy(paths.ROOT / "tests" / "data" / "cat.heic", folder / "a.heic")
    with Image.open(samples / "cat.jpg") as cat:
        cat.rotate(uuid.uuid4().int % 1000 / 200).save(folder / "b.webp")  # new content for each run
        cat.resize((10_100, 6_700)).save(folder / "c.jpg", quality=50, comment=uuid.uuid4().hex)
    files = ["--report", page, "--csv", table]
    finished = run("submit", folder, "--label", "dog,cat", "--json", *files)
    assert finished.returncode == 0, finished.stderr
    assert {Path(each["path"]).name: each["conversion"] for each in _results(finished)} == {
        "a.heic": "HEIC converted to JPEG",
        "b.webp": "WebP converted to JPEG",
        "c.jpg": "JPEG compressed again, scaled from 10,100 x 6,700 to 10,000 x 6,634 pixels",
    }
    assert finished.stderr.splitlines()[-3].startswith("3 images: 3 yes; ")
    assert (page.read_text().count('src="data:image/jpeg;base64,'), page.read_text().count('class="box"')) == (3, 3)
    assert table.read_text(encoding="utf-8-sig").count(",yes,") == 3
    again = run("submit", folder, "--label", "dog,cat", "--wait")
    assert again.stderr.endswith("; 0 uploaded, 3 converted.\n")
    assert set(rekognition.calls()["by_image"].values()) <= {1}


def test_paths_from_standard_input_reference_delete_and_stats(run: Run, start: Start, few: Path) -> None:
    listed = "\n".join(str(path) for path in sorted(few.iterdir()))
    process = start("submit", "-", "--json", "--wait", "--include-hidden", stdin=subprocess.PIPE)
    output, _ = process.communicate(listed)
    submitted = [json.loads(line) for line in output.splitlines()]
    assert sorted(each["reference"] for each in submitted) == sorted(each["path"] for each in submitted)
    first, *others = (each["request_id"] for each in submitted)
    table = run("list", "--limit", FEW).stdout
    assert all(request in table for request in (first, *others))
    assert run("delete", first).stdout == f"{first}: Deleted.\n"
    assert run("status", first).returncode == 3
    assert run("status", *others).returncode == 0
    assert "Scans avoided" in run("stats").stdout


def test_url_without_an_api_is_reported_as_such(run: Run, stack: Stack, fresh_image: Path) -> None:
    for url in (f"{stack.api_url}/other", stack.api_url.replace("/v1/", "/v2/")):
        finished = run("submit", fresh_image, "--api-url", url)
        assert (finished.returncode, finished.stdout) == (3, "")
        assert f"{url} is not the URL of an imagescan API" in finished.stderr


def test_corrupt_image_fails_and_is_never_reported_as_no_match(run: Run, samples: Path, tmp_path: Path) -> None:
    image = tmp_path / "truncated.jpg"
    unique_suffix = uuid.uuid4().hex.encode()  # without FF bytes, which a decoder could read as markers
    image.write_bytes((samples / "cat.jpg").read_bytes()[:2000] + unique_suffix)
    finished = run("submit", image, "--wait", "--json")
    [result] = _results(finished)
    assert (finished.returncode, result["status"], result["label_matched"]) == (3, "failed", None)
    assert result["failure"]["code"]


def _write_unique(sample: Path, path: Path) -> None:
    """Copy a sample with new content."""
    path.write_bytes(with_new_content(sample.read_bytes()))


def _results(finished: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.stdout.splitlines()]


def _uploads(finished: Finished) -> int:
    """Return the number of uploads in the summary: "...; 3 uploaded."."""
    return int(finished.stderr.split()[-2])


def _versions(stack: Stack, hashes: set[str]) -> Counter[str]:
    """Count the stored versions of each image."""
    pages = stack.client("s3").get_paginator("list_object_versions")
    listed = pages.paginate(Bucket=stack.outputs()["ImagesBucket"])
    stored = (Path(version["Key"]).stem for page in listed for version in page.get("Versions", []))
    return Counter(each for each in stored if each in hashes)


def _contents(stack: Stack, image_hash: str) -> list[bytes]:
    """Return the bytes of the objects of an image."""
    s3, bucket = stack.client("s3"), stack.outputs()["ImagesBucket"]
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [each["Key"] for page in listed for each in page.get("Contents", [])]
    return [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if Path(key).stem == image_hash]
