"""The deployed stack under faults of Rekognition, of the queue and of its own handlers."""

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from itertools import cycle, islice
from pathlib import Path

import boto3
import pytest
from rich.console import Console

from imagescan.aws.images_table import ImagesTable
from local.client import Client, RequestJson, question
from local.control import RekognitionControl
from local.stack import Stack
from ops.redrive.dead_letters import DeadLetterQueue
from ops.redrive.redrive import redrive
from ops.redrive.scan_queue_target import ScanQueueTarget
from testing.image_variants import with_new_content
from tests.e2e.stack_admin import StackAdmin, eventually
from tools.env import REGION

LABELS = ("cat", "person", "vehicle")
MISSING_KEY = f"images/{'ab' * 32}.jpg"
DEAD_LETTERS, QUEUE = "ScanDeadLetterQueueUrl", "ScanQueueUrl"


@pytest.fixture(scope="module")
def stack_admin(stack: Stack) -> Iterator[StackAdmin]:
    with StackAdmin(stack, stack.outputs()).short_visibility_timeout() as stack_admin:
        yield stack_admin
        stack_admin.purge_dead_letters()


@pytest.fixture(scope="module")
def truth(api: Client, samples: Path) -> dict[str, RequestJson]:
    """Return the responses for all samples without faults."""
    return {image.name: api.ask(image) for image in sorted(samples.glob("*.jpg"))}


def copies(samples: Path, folder: Path, count: int) -> list[Path]:
    """Create copies of the samples with new contents."""
    originals = islice(cycle(sorted(samples.glob("*.jpg"))), count)
    created = []
    for number, original in enumerate(originals):
        copy = folder / f"{number} {original.name}"
        copy.write_bytes(with_new_content(original.read_bytes()))
        created.append(copy)
    return created


def hash_of(image: Path) -> str:
    return hashlib.sha256(image.read_bytes()).hexdigest()


def s3_event(*keys: str) -> str:
    records = [
        {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}} for key in keys
    ]
    return json.dumps({"Records": records})


@pytest.fixture
def images(samples: Path, tmp_path: Path) -> list[Path]:
    """Return four new images."""
    return copies(samples, tmp_path, 4)


@pytest.fixture
def cached_images(stack: Stack, samples: Path, tmp_path: Path) -> list[Path]:
    """Return 50 images that the Rekognition emulator has in its cache, because detection takes longer than the test."""
    images = copies(samples, tmp_path, 50)
    client = boto3.Session("test", "test", region_name=REGION).client("rekognition", endpoint_url=stack.rekognition_url)
    for image in images:
        client.detect_labels(Image={"Bytes": image.read_bytes()})
    return images


def submit_all(api: Client, images: list[Path], times: int = 1) -> list[tuple[Path, RequestJson]]:
    """Submit each image this many times, concurrently."""

    def submit(job: tuple[Path, str]) -> tuple[Path, RequestJson]:
        image, label = job
        return image, api.post(question(image, label)).raise_for_status().json()

    jobs = zip([image for _ in range(times) for image in images], cycle(LABELS), strict=False)
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(submit, jobs))


def assert_right_answers(api: Client, truth: dict[str, RequestJson], submitted: list[tuple[Path, RequestJson]]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: api.wait(each[1], seconds=120), submitted))
    for (image, _), answer in zip(submitted, answers, strict=True):
        sample = truth[image.name.split(" ", 1)[-1]]
        assert (answer["status"], answer["labels"]) == ("completed", sample["labels"])
        assert answer["label_matched"] is _shows(sample, answer["label"])


def _shows(answer: RequestJson, label: str) -> bool:
    names = [
        {known["name"], *known["aliases"], *known["parents"], *known["categories"]}
        for known in answer["labels"]
        if known["confidence"] >= 90
    ]
    return any(label.casefold() == name.casefold() for each in names for name in each)


def test_500_requests_for_50_images_complete_despite_many_errors(
    api: Client,
    cached_images: list[Path],
    rekognition: RekognitionControl,
    truth: dict[str, RequestJson],
    stack_admin: StackAdmin,
) -> None:
    rekognition.fail(
        kind="slow", next=2, delay_ms=17_000
    )  # longer than the read timeout of the Rekognition client (15 s)
    rekognition.fail(kind="throttle", next=15)
    rekognition.fail(kind="error", next=10)
    rekognition.fail(kind="error", next=5, code="SlowDownException", status=418)
    rekognition.fail(kind="error", next=5, code="ProvisionedThroughputExceededException", status=400)
    submitted = submit_all(api, cached_images, times=10)
    assert len({answer["request_id"] for _, answer in submitted}) == 500
    assert_right_answers(api, truth, submitted)
    calls = rekognition.calls()
    assert sum(calls["failed"].values()) == 35
    by_image = [calls["by_image"].get(hash_of(image), 0) for image in cached_images]
    assert min(by_image) >= 1
    assert sum(by_image) <= 50 + 2
    eventually(lambda: stack_admin.depth(QUEUE) == 0, seconds=120)  # a message for a leased image may wait 45 s
    assert stack_admin.depth(DEAD_LETTERS) == 0


def test_killed_handlers_lose_no_request(
    api: Client,
    rekognition: RekognitionControl,
    stack_admin: StackAdmin,
    truth: dict[str, RequestJson],
    images: list[Path],
) -> None:
    rekognition.fail(kind="slow", next=10, delay_ms=6_000)
    submitted = submit_all(api, images)
    eventually(lambda: rekognition.calls()["total"] >= 3)
    assert stack_admin.kill_handlers()
    assert_right_answers(api, truth, submitted)
    by_image = rekognition.calls()["by_image"]
    assert max(by_image[hash_of(image)] for image in images) <= 2


def test_duplicate_late_and_early_events_make_no_additional_call(
    api: Client,
    rekognition: RekognitionControl,
    stack_admin: StackAdmin,
    truth: dict[str, RequestJson],
    images: list[Path],
) -> None:
    keys = [f"images/{hash_of(image)}.jpg" for image in images]
    stack_admin.send(*[s3_event(key) for key in keys])
    eventually(lambda: stack_admin.depth(QUEUE) == 0, seconds=120)  # a message for a leased image may wait 45 s
    assert rekognition.calls()["total"] == 0
    submitted = submit_all(api, images)
    stack_admin.send(*[s3_event(key) for key in reversed(keys)], s3_event(*keys))
    assert_right_answers(api, truth, submitted)
    stack_admin.send(s3_event(*keys))
    eventually(lambda: stack_admin.depth(QUEUE) == 0, seconds=120)  # a message for a leased image may wait 45 s
    assert {rekognition.calls_for(hash_of(image)) for image in images} == {1}


MALFORMED = {
    "noise": "the message is not JSON",
    "\x7f" * 262_144: "the message is not JSON",
    "[]": "the message is not a JSON object",
    "{}": "the message has no list of Records",
    '{"Records": [{"eventSource": "aws:s3"}]}': "a record is not an S3 event",
}
HARMLESS = [
    '{"Service": "Amazon S3", "Event": "s3:TestEvent"}',
    s3_event("images/holiday.jpg"),
    s3_event(MISSING_KEY),
    s3_event(MISSING_KEY, "images/holiday.jpg", MISSING_KEY),
]


def test_malformed_messages_become_dead_letters_and_harmless_messages_are_acknowledged(
    api: Client, rekognition: RekognitionControl, stack_admin: StackAdmin, fresh_image: Path
) -> None:
    since = time.time()
    stack_admin.send(*HARMLESS, *MALFORMED)
    assert api.ask(fresh_image)["label_matched"] is True
    eventually(lambda: stack_admin.depth(QUEUE) == 0 and stack_admin.depth(DEAD_LETTERS) == len(MALFORMED), seconds=90)
    lines = stack_admin.logged("malformed_message", since)
    assert {line["reason"] for line in lines} == set(MALFORMED.values())
    assert len({line["message_id"] for line in lines}) == len(MALFORMED)
    printed = _redriven(stack_admin, only_list=True)
    assert all(reason in printed for reason in MALFORMED.values())
    assert rekognition.calls()["total"] == 1
    stack_admin.purge_dead_letters()


def test_a_redelivered_dead_letter_completes_its_request(
    api: Client, rekognition: RekognitionControl, stack_admin: StackAdmin, fresh_image: Path
) -> None:
    rekognition.fail(kind="error", code="AccessDeniedException", status=400)
    with stack_admin.max_receive_count_one():
        submitted = api.post(question(fresh_image)).raise_for_status().json()
        eventually(lambda: stack_admin.depth(DEAD_LETTERS) == 1)
    assert api.get(submitted["request_id"]).json()["status"] == "pending"
    assert "1 of 1 messages redelivered" in _redriven(stack_admin)
    assert api.wait(submitted)["label_matched"] is True


def test_the_sweeper_requeues_an_image_with_a_lost_message(
    api: Client, stack_admin: StackAdmin, fresh_image: Path
) -> None:
    with stack_admin.lost_messages():
        submitted = api.post(question(fresh_image)).raise_for_status().json()
    assert api.get(submitted["request_id"]).json()["status"] == "pending"
    # Other tests leave requests without an upload, which the sweeper requeues as well.
    assert stack_admin.advance_past_requeue_delay()["requeued"] >= 1
    assert api.wait(submitted)["label_matched"] is True


def _redriven(stack_admin: StackAdmin, *, only_list: bool = False) -> str:
    stack, names, out = stack_admin.stack, stack_admin.names, StringIO()
    images = ImagesTable(stack.client("dynamodb"), names["ImagesTable"])
    dead_letters = DeadLetterQueue(stack.client("sqs"), names[DEAD_LETTERS])
    scan_queue = ScanQueueTarget(stack.client("sqs"), names[QUEUE], images)
    redrive(dead_letters, scan_queue, Console(file=out, width=200), only_list=only_list, include_malformed=False)
    return out.getvalue()
