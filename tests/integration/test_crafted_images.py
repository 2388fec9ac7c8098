"""Images that are crafted so that Rekognition rejects the parameters of a call, uploaded directly."""

import pytest

from testing.functions import image_bytes
from testing.images import jpeg, segment
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from tests.integration.conftest import Log

REJECTED = (400, "InvalidParameterException")
APP0 = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
CRAFTED = {
    "stray bytes after APP0": (jpeg(60, 60, segments=APP0 + b"??"), "image_too_small"),
    "a header after 1.1 MB of APP segments": (
        jpeg(50, 50, segments=segment(0xEB, bytes(65_000)) * 17),
        "image_invalid",
    ),
}


def upload(env: MotoEnvironment, content: bytes) -> str:
    """Submit the image by its hash, upload it directly, and return the ID of the request."""
    image_hash = hash_of(content)
    submitted = env.functions.post({"sha256": image_hash, "size": len(content), "fileType": "image/jpeg"})
    env.upload(content, submitted.body)
    return str(submitted.body["request_id"])


@pytest.mark.parametrize(("content", "code"), CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_image_fails_at_once_without_an_alarm(
    env: MotoEnvironment, log: Log, content: bytes, code: str
) -> None:
    request_id = upload(env, content)
    env.detector.errors.append(REJECTED)
    env.trigger.deliver_all()
    body = env.functions.get(request_id).body
    assert (body["status"], body["failure"]["code"]) == ("failed", code)
    assert [line for line in log.lines if line["level"] == "ERROR"] == []
    assert env.detector.calls[hash_of(content)] == 1
    assert env.is_idle


def test_an_image_with_a_good_header_fails_at_once_while_other_images_are_scanned(
    env: MotoEnvironment, log: Log
) -> None:
    env.functions.submit(image_bytes())
    env.trigger.deliver_all()
    request_id = upload(env, jpeg(100, 100))
    env.detector.errors.append(REJECTED)
    env.trigger.deliver_all()
    failure = env.functions.get(request_id).body["failure"]
    assert failure["code"] == "image_invalid"
    assert [line for line in log.lines if line["level"] == "ERROR"] == []


def test_a_misconfiguration_is_reported_and_fails_no_image(env: MotoEnvironment, log: Log) -> None:
    request_id = upload(env, jpeg(100, 100))
    env.detector.errors.extend([REJECTED] * 3)
    for _ in range(3):
        env.trigger.deliver()
        env.pass_time(5 * MINUTE)
    reported = log.messages("configuration_error")
    assert [(line["level"], line["detail"]) for line in reported] == [("ERROR", REJECTED[1])] * 3
    assert env.functions.get(request_id).body["status"] == "pending"
    env.recover()
    assert env.functions.get(request_id).body["status"] == "completed"
