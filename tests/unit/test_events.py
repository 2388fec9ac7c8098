"""The sample events are what their names say, of the sample pictures as they are."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from imagescan.api import request_models
from imagescan.aws import s3_events
from imagescan.aws.scan_queue import messages_from_event
from imagescan.domain import image
from imagescan.domain.errors import UnsupportedType

ROOT = Path(__file__).parents[2]
EVENTS, SAMPLES = ROOT / "events", ROOT / "samples"
PICTURES = {
    "submit-astronaut": "astronaut.jpg",
    "submit-cat": "cat.jpg",
    "submit-coffee": "coffee.jpg",
    "submit-grace_hopper": "grace_hopper.jpg",
    "submit-motorcycle": "motorcycle.jpg",
    "submit-rocket": "rocket.jpg",
}


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def key_of(picture: str) -> str:
    content = (SAMPLES / picture).read_bytes()
    return image.object_key(hashlib.sha256(content).hexdigest(), image.ImageType.JPEG)


@pytest.mark.parametrize(("name", "picture"), PICTURES.items())
def test_a_submit_event_posts_its_sample_picture(name: str, picture: str) -> None:
    image = request_models.read(request_models.SubmitBody, event(name)["body"]).image()
    assert isinstance(image, image.ValidatedImage)
    assert image.content == (SAMPLES / picture).read_bytes()


def test_the_picture_that_is_none_is_refused() -> None:
    with pytest.raises(UnsupportedType):
        request_models.read(request_models.SubmitBody, event("submit-not-an-image")["body"]).image()


@pytest.mark.parametrize(
    ("name", "announced"),
    [
        ("scanner-upload", [["cat.jpg"]]),
        ("scanner-batch", [["cat.jpg"], ["cat.jpg"], ["rocket.jpg"]]),
        ("scanner-test-event", [[]]),
    ],
)
def test_a_scanner_event_announces_its_sample_pictures(name: str, announced: list[list[str]]) -> None:
    bodies = [message.body for message in messages_from_event(event(name))]
    assert [s3_events.image_keys(body) for body in bodies[: len(announced)]] == [
        [key_of(picture) for picture in pictures] for pictures in announced
    ]


def test_the_last_message_of_the_batch_is_poison() -> None:
    with pytest.raises(s3_events.MalformedMessage):
        s3_events.image_keys(messages_from_event(event("scanner-batch"))[-1].body)
