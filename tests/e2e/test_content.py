"""Files with the same content, on the deployed stack: the emulator counts one call for all of them."""

import hashlib
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import batched, chain
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imagescan.api.request_models import MAX_ENTRIES
from local.client import Client, RequestJson
from local.control import RekognitionControl
from local.stack import Stack
from testing.image_variants import (
    with_comment,
    with_exif,
    with_new_content,
    with_trailing_bytes,
    with_xmp,
    without_exif,
)
from tests.e2e.stack_admin import eventually

CAT = {"Name": "Cat", "Confidence": 99, "Instances": [], "Parents": [], "Aliases": [], "Categories": []}
IMAGES_PER_TYPE, FILES_PER_IMAGE = 150, 4
MAX_IDS = 100
PAIRS = 6
SCAN_MS = 500
UPLOADERS = 8
ROTATED = 6

type Send = Callable[[Client, bytes], RequestJson]


def post(api: Client, content: bytes) -> RequestJson:
    """Submit a file with its bytes, and return the finished request."""
    body = {"file": b64encode(content).decode(), "fileType": type_of(content), "label": "cat"}
    return api.wait(api.post(body).raise_for_status().json())


def upload(api: Client, content: bytes) -> RequestJson:
    """Submit a file by its hash, upload it, and return the finished request."""
    sent = api.post(declared(content)).raise_for_status().json()
    with httpx.Client(timeout=60) as http:
        put(http, sent, content)
    return api.wait(sent)


def put(http: httpx.Client, sent: RequestJson, content: bytes) -> None:
    target = sent["upload"]
    http.put(target["url"], content=content, headers=target["headers"]).raise_for_status()


def declared(content: bytes) -> RequestJson:
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "fileType": type_of(content),
        "label": "cat",
    }


def type_of(content: bytes) -> str:
    return "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"


@pytest.fixture
def photo(fresh_image: Path) -> bytes:
    """Return a photo of a cat with EXIF."""
    return with_exif(fresh_image.read_bytes())


@pytest.fixture
def http(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, timeout=60)


@pytest.fixture
def slow_detection(rekognition: RekognitionControl) -> Iterator[None]:
    """Let simultaneous scans overlap: the emulator returns a cat for every image after a while."""
    rekognition.set_latency(SCAN_MS, [CAT])
    yield
    rekognition.set_latency(None)


@pytest.fixture
def fast_detection(rekognition: RekognitionControl) -> Iterator[None]:
    """Return a cat for every image without detection, because there are many."""
    rekognition.set_latency(0, [CAT])
    yield
    rekognition.set_latency(None)


@pytest.mark.parametrize("send", [post, upload])
def test_files_that_differ_in_metadata_cost_one_call(
    api: Client, photo: bytes, send: Send, rekognition: RekognitionControl
) -> None:
    files = [photo, without_exif(photo), with_xmp(photo), with_comment(photo), with_trailing_bytes(photo)]
    answers = [send(api, each) for each in files]
    assert [answer["reused_by"] for answer in answers] == [None, *["content"] * (len(files) - 1)]
    assert [answer["scan_reused"] for answer in answers] == [False, *[True] * (len(files) - 1)]
    assert len({answer["image_hash"] for answer in answers}) == len(files)
    [content_hash] = {answer["content_hash"] for answer in answers}
    assert content_hash is not None
    for answer in answers:
        assert answer["label_matched"] is True
        assert (answer["labels"], answer["scanned_at"]) == (answers[0]["labels"], answers[0]["scanned_at"])
    assert rekognition.calls()["by_image"] == {answers[0]["image_hash"]: 1}


def test_a_posted_file_with_known_content_is_answered_immediately(api: Client, photo: bytes) -> None:
    post(api, photo)
    file = with_comment(photo)
    response = api.post({"file": b64encode(file).decode(), "fileType": "image/jpeg"})
    assert (response.status_code, response.json()["reused_by"]) == (200, "content")
    again = api.post({"file": b64encode(file).decode(), "fileType": "image/jpeg"})
    assert (again.status_code, again.json()["reused_by"]) == (200, "bytes")


@pytest.mark.parametrize(("send", "quality"), [(post, 60), (upload, 70)])
def test_another_orientation_and_another_quality_are_scanned(
    api: Client, photo: bytes, send: Send, quality: int, rekognition: RekognitionControl
) -> None:
    with Image.open(BytesIO(photo)) as decoded:
        files = [photo, with_exif(photo, orientation=ROTATED), saved(decoded, "JPEG", quality=quality)]
    answers = [send(api, each) for each in files]
    assert [answer["reused_by"] for answer in answers] == [None] * len(files)
    assert len({answer["content_hash"] for answer in answers}) == len(files)
    assert rekognition.calls()["by_image"] == {answer["image_hash"]: 1 for answer in answers}


@pytest.mark.usefixtures("slow_detection")
@pytest.mark.parametrize("send", [post, upload])
def test_two_files_with_the_same_content_cost_one_call_if_they_are_submitted_simultaneously(
    api: Client, samples: Path, send: Send, rekognition: RekognitionControl
) -> None:
    photos = [with_new_content((samples / "cat.jpg").read_bytes()) for _ in range(PAIRS)]
    files = [file for photo in photos for file in (photo, with_comment(photo))]
    with ThreadPoolExecutor(len(files)) as pool:
        answers = list(pool.map(lambda file: send(api, file), files))
    for first, second in batched(answers, 2, strict=True):
        assert {first["reused_by"], second["reused_by"]} == {None, "content"}
        assert first["content_hash"] == second["content_hash"]
    assert rekognition.calls()["total"] == PAIRS


@pytest.mark.usefixtures("fast_detection")
def test_1200_files_of_300_images_cost_300_calls(http: httpx.Client, rekognition: RekognitionControl) -> None:
    before = calls_avoided(http)
    images = [*map(jpeg_files, range(IMAGES_PER_TYPE)), *map(png_files, range(IMAGES_PER_TYPE))]
    files = [*chain.from_iterable(zip(*images, strict=True))]
    assert len(set(files)) == len(images) * FILES_PER_IMAGE
    answers = submit_all(http, files)
    by_content: dict[str, list[str | None]] = {}
    for answer in answers:
        assert (answer["status"], answer["label_matched"]) == ("completed", True)
        by_content.setdefault(answer["content_hash"], []).append(answer["reused_by"])
    assert len(by_content) == len(images)
    for reused_by in by_content.values():
        assert Counter(reused_by) == {None: 1, "content": FILES_PER_IMAGE - 1}
    assert rekognition.calls()["total"] == len(images)
    avoided = {"bytes": before["bytes"], "content": before["content"] + len(files) - len(images)}
    eventually(lambda: calls_avoided(http) == avoided)


def jpeg_files(_: int) -> Sequence[bytes]:
    """Return a small photo, and copies with the metadata that ExifTool would write or remove."""
    photo = with_exif(saved(random_image(), "JPEG", quality=80))
    return photo, without_exif(photo), with_xmp(photo, 'xmp:Rating="4"'), with_comment(photo, "Seen")


def png_files(_: int) -> Sequence[bytes]:
    """Return a small image, and copies that Pillow saved with other metadata or another compression."""
    image = random_image()
    title = PngInfo()
    title.add_text("Title", "An image")
    return (
        saved(image, "PNG"),
        saved(image, "PNG", pnginfo=title, dpi=(300, 300)),
        saved(image, "PNG", compress_level=1),
        saved(image, "PNG", exif=Image.Exif(), pnginfo=title, compress_level=9),
    )


def random_image() -> Image.Image:
    """Return 80 by 80 pixels of 16 random colours."""
    return Image.frombytes("RGB", (4, 4), os.urandom(48)).resize((80, 80))


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def submit_all(http: httpx.Client, files: Sequence[bytes]) -> list[RequestJson]:
    """Submit the files in batches, upload them, and return the finished requests in the same order."""
    with ThreadPoolExecutor(UPLOADERS) as pool:
        batches = list(pool.map(lambda batch: submit_batch(http, batch), batched(files, MAX_ENTRIES, strict=False)))
    ids = [request_id for batch in batches for request_id in batch]
    answers: list[RequestJson] = []
    for batch in batched(ids, MAX_IDS, strict=False):
        eventually(lambda batch=batch: all(each["status"] != "pending" for each in read_batch(http, batch)))  # type: ignore[misc]  # mypy cannot infer lambda defaults
        answers += read_batch(http, batch)
    return answers


def submit_batch(http: httpx.Client, files: Sequence[bytes]) -> list[str]:
    response = http.post("/scanrequests", json={"entries": [declared(each) for each in files]})
    requests = [result["request"] for result in response.raise_for_status().json()["results"]]
    for request, file in zip(requests, files, strict=True):
        put(http, request, file)
    return [request["request_id"] for request in requests]


def read_batch(http: httpx.Client, ids: Sequence[str]) -> list[RequestJson]:
    response = http.get("/scanrequests", params={"ids": ",".join(ids)})
    return [result["request"] for result in response.raise_for_status().json()["results"]]


def calls_avoided(http: httpx.Client) -> dict[str, int]:
    stats = http.get("/stats").raise_for_status().json()
    avoided: dict[str, int] = stats["scans_avoided_by"]
    assert stats["scans_avoided"] == sum(avoided.values())
    return avoided
