"""The sample events contain what their names say, with the sample images in their current state."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from imagescan.api import request_models
from imagescan.aws.scan_queue import messages_from_event
from imagescan.domain.errors import UnsupportedType
from imagescan.domain.image import ValidatedImage, object_key
from imagescan.domain.image_header import ImageType

ROOT = Path(__file__).parents[2]
EVENTS, SAMPLES = ROOT / "events", ROOT / "samples"
IMAGES = {
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


def key_of(sample: str) -> str:
    return object_key(hashlib.sha256((SAMPLES / sample).read_bytes()).hexdigest(), ImageType.JPEG)


@pytest.mark.parametrize(("name", "sample"), IMAGES.items())
def test_a_submit_event_contains_its_sample_image(name: str, sample: str) -> None:
    image = request_models.read(request_models.SubmitBody, event(name)["body"]).image()
    assert isinstance(image, ValidatedImage)
    assert image.content == (SAMPLES / sample).read_bytes()


def test_the_submit_events_differ_in_image_and_label_only() -> None:
    def common(name: str) -> dict[str, Any]:
        body = json.loads(event(name)["body"])
        return event(name) | {"body": {key: body[key] for key in body if key not in ("file", "label")}}

    assert [name for name in IMAGES if common(name) != common("submit-cat")] == []


def test_the_event_without_an_image_is_rejected() -> None:
    with pytest.raises(UnsupportedType):
        request_models.read(request_models.SubmitBody, event("submit-not-an-image")["body"]).image()


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("scanner-upload", [["cat.jpg"]]),
        ("scanner-batch", [["cat.jpg"], ["cat.jpg"], ["rocket.jpg"]]),
        ("scanner-test-event", [[]]),
    ],
)
def test_a_scanner_event_contains_the_keys_of_its_sample_images(name: str, samples: list[list[str]]) -> None:
    messages = messages_from_event(event(name))[: len(samples)]
    assert [message.error for message in messages] == [None] * len(samples)
    assert [list(message.keys) for message in messages] == [
        [key_of(sample) for sample in of_message] for of_message in samples
    ]


def test_the_last_message_of_the_batch_is_malformed() -> None:
    assert messages_from_event(event("scanner-batch"))[-1].error
