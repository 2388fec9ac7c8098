"""The command line as people run it, against the deployed stack."""

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

from local import paths
from local.control import RekognitionControl
from local.stack import Stack

PICTURES = 200
FEW = 5
LARGE = 12_000_000
CAT = {"Name": "Cat", "Confidence": 99, "Instances": [], "Parents": [], "Aliases": [], "Categories": []}

type Start = Callable[..., subprocess.Popen[str]]
type Finished = subprocess.CompletedProcess[str]
type Run = Callable[..., Finished]


@pytest.fixture
def start(stack: Stack, tmp_path: Path) -> Start:
    settings = tmp_path / "config.toml"
    settings.write_text(f'api = "{stack.api_url}"\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESCAN_")}
    environment |= {"IMAGESCAN_CONFIG": str(settings), "PYTHONPATH": str(paths.ROOT / "cli")}

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "imagescan_cli", *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - our own

    return start


@pytest.fixture
def run(start: Start) -> Run:
    def run(*arguments: object) -> Finished:
        process = start(*arguments)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    return run


@pytest.fixture
def quick_eyes(stack: Stack) -> Iterator[None]:
    """Lets the stand-in see a cat in every picture without looking, because there are many."""
    control = f"{stack.rekognition_url}/_control/latency"
    httpx.post(control, json={"ms": 50, "labels": [CAT]}).raise_for_status()
    yield
    httpx.post(control, content="null").raise_for_status()


@pytest.fixture
def few(samples: Path, tmp_path: Path) -> Path:
    """Some pictures whose bytes were never sent before."""
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(FEW):
        _freshen(samples / "cat-small.png", folder / f"{number}.png")
    return folder


@pytest.fixture
def folder(samples: Path, tmp_path: Path) -> Path:
    """Pictures whose bytes were never sent before, one of them twice, at two depths, and a file that is none."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for number in range(PICTURES):
        _freshen(samples / "cat-small.png", folder / "deep" / f"{number}.png")
    shutil.copy(folder / "deep" / "0.png", folder / "copy.of")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.mark.usefixtures("quick_eyes")
def test_a_folder_submitted_twice_makes_no_second_upload_and_no_second_call(
    run: Run, folder: Path, stack: Stack, rekognition: RekognitionControl
) -> None:
    first = run("submit", folder, "--label", "cat", "--wait", "--json")
    assert (first.returncode, first.stderr.splitlines()[-1]) == (
        0,
        f"{PICTURES + 1} pictures: {PICTURES + 1} yes; {PICTURES} uploaded.",
    )
    again = run("submit", folder, "--label", "cat", "--wait", "--json")
    assert again.stderr.endswith("; 0 uploaded.\n")
    assert all(answer["labels"] for answer in _answers(again))
    other = run("submit", folder, "--label", "dog", "--wait", "--json")
    assert (other.returncode, other.stderr.splitlines()[-1]) == (
        1,
        f"{PICTURES + 1} pictures: {PICTURES + 1} no; 0 uploaded.",
    )
    hashes = {answer["image_hash"] for answer in _answers(first)}
    assert _versions(stack, hashes) == dict.fromkeys(hashes, 1)
    assert rekognition.calls()["by_image"] == dict.fromkeys(hashes, 1)


def test_a_run_that_was_killed_is_taken_up_without_a_second_upload(
    run: Run, start: Start, few: Path, stack: Stack, rekognition: RekognitionControl
) -> None:
    rekognition.fail(kind="slow", all=True, delay_ms=3000)  # so that what was sent is not yet known
    killed = start("submit", few, "--concurrency", 1)
    assert killed.stdout is not None
    assert "is waiting to be scanned" in killed.stdout.readline()
    killed.kill()
    killed.communicate()
    taken_up = run("submit", few, "--json", "--wait")
    assert taken_up.returncode == 0
    assert _uploads(taken_up) < FEW
    hashes = {answer["image_hash"] for answer in _answers(taken_up)}
    assert _versions(stack, hashes) == dict.fromkeys(hashes, 1)


def test_a_picture_of_12_megabytes_is_answered(run: Run, samples: Path, tmp_path: Path) -> None:
    picture = tmp_path / "large.jpg"
    picture.write_bytes((samples / "cat.jpg").read_bytes().ljust(LARGE) + uuid.uuid4().bytes)
    assert run("submit", picture, "--wait").returncode == 0


def test_one_request_is_watched_looked_at_and_asked_more(run: Run, fresh_picture: Path) -> None:
    [sent] = _answers(run("submit", fresh_picture, "--json"))
    request = sent["request_id"]
    assert run("watch", request).stdout.startswith(f"{request}: Yes: the image shows 'cat'")
    assert run("status", request).returncode == 0
    assert run("ask", request, "--label", "dog").returncode == 1
    assert run("ask", request, "--label", "dog", "--label", "cat", "--match", "any").returncode == 0
    assert run("status", uuid.uuid4()).returncode == 3
    assert request in {answer["request_id"] for answer in _answers(run("list", "--status", "completed", "--json"))}


def test_a_picture_that_cannot_be_taken_fails_and_is_never_a_no(run: Run, samples: Path, tmp_path: Path) -> None:
    picture = tmp_path / "cut.jpg"
    other_bytes = uuid.uuid4().hex.encode()  # none is FF, which could be taken for a marker and decoded by
    picture.write_bytes((samples / "cat.jpg").read_bytes()[:2000] + other_bytes)
    finished = run("submit", picture, "--wait", "--json")
    [answer] = _answers(finished)
    assert (finished.returncode, answer["status"], answer["label_matched"]) == (3, "failed", None)
    assert answer["failure"]["code"]


def _freshen(sample: Path, picture: Path) -> None:
    """A decoder stops reading where the picture ends, so that what follows only makes other bytes."""
    picture.write_bytes(sample.read_bytes() + uuid.uuid4().bytes)


def _answers(finished: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.stdout.splitlines()]


def _uploads(finished: Finished) -> int:
    """How many the summary tells of: "...; 3 uploaded."."""
    return int(finished.stderr.split()[-2])


def _versions(stack: Stack, hashes: set[str]) -> Counter[str]:
    """How often each of these images was stored."""
    pages = stack.client("s3").get_paginator("list_object_versions")
    listed = pages.paginate(Bucket=stack.outputs()["ImagesBucket"], Prefix="images/")
    stored = (Path(version["Key"]).stem for page in listed for version in page.get("Versions", []))
    return Counter(each for each in stored if each in hashes)
