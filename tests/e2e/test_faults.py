"""The deployed stack under faults: Rekognition's, the queue's, and the sudden end of its own handlers."""

import hashlib
import json
import time
import uuid
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
from tests.e2e.stack_admin import StackAdmin, eventually
from tools.env import REGION

LABELS = ("cat", "person", "vehicle")
GONE = f"images/{'ab' * 32}.jpg"
DEAD_LETTERS, QUEUE = "ScanDeadLetterQueueUrl", "ScanQueueUrl"


@pytest.fixture(scope="module")
def stack_admin(stack: Stack) -> Iterator[StackAdmin]:
    with StackAdmin(stack, stack.outputs()).short_visibility_timeout() as stack_admin:
        yield stack_admin
        stack_admin.purge_dead_letters()


@pytest.fixture(scope="module")
def truth(api: Client, samples: Path) -> dict[str, RequestJson]:
    """What each sample shows, as it is answered when nothing is in the way."""
    return {picture.name: api.ask(picture) for picture in sorted(samples.glob("*.jpg"))}


def copies(samples: Path, folder: Path, count: int) -> list[Path]:
    """So many different images that show what the samples do: a decoder stops reading where the picture ends."""
    pictures = islice(cycle(sorted(samples.glob("*.jpg"))), count)
    made = []
    for number, picture in enumerate(pictures):
        copy = folder / f"{number} {picture.name}"
        copy.write_bytes(picture.read_bytes() + uuid.uuid4().bytes)
        made.append(copy)
    return made


def hash_of(picture: Path) -> str:
    return hashlib.sha256(picture.read_bytes()).hexdigest()


def announcement(*keys: str) -> str:
    records = [
        {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}} for key in keys
    ]
    return json.dumps({"Records": records})


@pytest.fixture
def pictures(samples: Path, tmp_path: Path) -> list[Path]:
    """A few that were never sent before."""
    return copies(samples, tmp_path, 4)


@pytest.fixture
def fifty(stack: Stack, samples: Path, tmp_path: Path) -> list[Path]:
    """Pictures that the stand-in has looked at: that takes it longer than anything that is tested here."""
    pictures = copies(samples, tmp_path, 50)
    client = boto3.Session("test", "test", region_name=REGION).client("rekognition", endpoint_url=stack.rekognition_url)
    for picture in pictures:
        client.detect_labels(Image={"Bytes": picture.read_bytes()})
    return pictures


def asked(api: Client, pictures: list[Path], times: int = 1) -> list[tuple[Path, RequestJson]]:
    """Every picture asked about so many times, all at once."""

    def submit(job: tuple[Path, str]) -> tuple[Path, RequestJson]:
        picture, label = job
        return picture, api.post(question(picture, label)).raise_for_status().json()

    jobs = zip([picture for _ in range(times) for picture in pictures], cycle(LABELS), strict=False)
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(submit, jobs))


def assert_all_are_answered_right(
    api: Client, truth: dict[str, RequestJson], submitted: list[tuple[Path, RequestJson]]
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda each: api.wait(each[1], seconds=120), submitted))
    for (picture, _), answer in zip(submitted, answers, strict=True):
        sample = truth[picture.name.split(" ", 1)[-1]]
        assert (answer["status"], answer["labels"]) == ("completed", sample["labels"])
        assert answer["label_matched"] is _shows(sample, answer["label"])


def _shows(answer: RequestJson, label: str) -> bool:
    names = [
        {known["name"], *known["aliases"], *known["parents"], *known["categories"]}
        for known in answer["labels"]
        if known["confidence"] >= 90
    ]
    return any(label.casefold() == name.casefold() for each in names for name in each)


def test_500_requests_over_50_pictures_come_through_a_storm(
    api: Client,
    fifty: list[Path],
    rekognition: RekognitionControl,
    truth: dict[str, RequestJson],
    stack_admin: StackAdmin,
) -> None:
    rekognition.fail(kind="slow", next=2, delay_ms=17_000)  # longer than the scanner waits for an answer
    rekognition.fail(kind="throttle", next=15)
    rekognition.fail(kind="error", next=10)
    rekognition.fail(kind="error", next=5, code="SlowDownException", status=418)
    rekognition.fail(kind="error", next=5, code="ProvisionedThroughputExceededException", status=400)
    submitted = asked(api, fifty, times=10)
    assert len({answer["request_id"] for _, answer in submitted}) == 500
    assert_all_are_answered_right(api, truth, submitted)
    calls = rekognition.calls()
    assert sum(calls["failed"].values()) == 35
    by_image = [calls["by_image"].get(hash_of(picture), 0) for picture in fifty]
    assert min(by_image) >= 1
    assert sum(by_image) <= 50 + 2
    eventually(lambda: stack_admin.depth(QUEUE) == 0)
    assert stack_admin.depth(DEAD_LETTERS) == 0


def test_handlers_that_are_killed_in_flight_lose_nothing(
    api: Client,
    rekognition: RekognitionControl,
    stack_admin: StackAdmin,
    truth: dict[str, RequestJson],
    pictures: list[Path],
) -> None:
    rekognition.fail(kind="slow", next=10, delay_ms=6_000)
    submitted = asked(api, pictures)
    eventually(lambda: rekognition.calls()["total"] >= 3)
    assert stack_admin.kill_handlers()
    assert_all_are_answered_right(api, truth, submitted)
    by_image = rekognition.calls()["by_image"]
    assert max(by_image[hash_of(picture)] for picture in pictures) <= 2


def test_events_that_come_twice_late_or_too_early_cost_no_call(
    api: Client,
    rekognition: RekognitionControl,
    stack_admin: StackAdmin,
    truth: dict[str, RequestJson],
    pictures: list[Path],
) -> None:
    keys = [f"images/{hash_of(picture)}.jpg" for picture in pictures]
    stack_admin.send(*[announcement(key) for key in keys])
    eventually(lambda: stack_admin.depth(QUEUE) == 0)
    assert rekognition.calls()["total"] == 0
    submitted = asked(api, pictures)
    stack_admin.send(*[announcement(key) for key in reversed(keys)], announcement(*keys))
    assert_all_are_answered_right(api, truth, submitted)
    stack_admin.send(announcement(*keys))
    eventually(lambda: stack_admin.depth(QUEUE) == 0)
    assert {rekognition.calls_for(hash_of(picture)) for picture in pictures} == {1}


POISON = {
    "noise": "the message is not JSON",
    "\x7f" * 262_144: "the message is not JSON",
    "[]": "the message is not a JSON object",
    "{}": "the message has no list of Records",
    '{"Records": [{"eventSource": "aws:s3"}]}': "a record is not an S3 event",
}
HARMLESS = [
    '{"Service": "Amazon S3", "Event": "s3:TestEvent"}',
    announcement("images/holiday.jpg"),
    announcement(GONE),
    announcement(GONE, "images/holiday.jpg", GONE),
]


def test_poison_ends_among_the_dead_letters_with_its_reason_and_harmless_messages_end(
    api: Client, rekognition: RekognitionControl, stack_admin: StackAdmin, fresh_image: Path
) -> None:
    since = time.time()
    stack_admin.send(*HARMLESS, *POISON)
    assert api.ask(fresh_image)["label_matched"] is True
    eventually(lambda: stack_admin.depth(QUEUE) == 0 and stack_admin.depth(DEAD_LETTERS) == len(POISON), seconds=90)
    lines = stack_admin.logged("malformed_message", since)
    assert {line["reason"] for line in lines} == set(POISON.values())
    assert len({line["message_id"] for line in lines}) == len(POISON)
    printed = _redriven(stack_admin, only_list=True)
    assert all(reason in printed for reason in POISON.values())
    assert rekognition.calls()["total"] == 1
    stack_admin.purge_dead_letters()


def test_a_dead_letter_is_returned_and_its_request_answered(
    api: Client, rekognition: RekognitionControl, stack_admin: StackAdmin, fresh_image: Path
) -> None:
    rekognition.fail(kind="error", code="AccessDeniedException", status=400)
    with stack_admin.max_receive_count_one():
        submitted = api.post(question(fresh_image)).raise_for_status().json()
        eventually(lambda: stack_admin.depth(DEAD_LETTERS) == 1)
    assert api.get(submitted["request_id"]).json()["status"] == "pending"
    assert "1 of 1 messages redelivered" in _redriven(stack_admin)
    assert api.wait(submitted)["label_matched"] is True


def test_an_image_whose_message_was_lost_is_found_by_the_sweeper(
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
