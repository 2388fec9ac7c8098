import json
from io import StringIO

import pytest
from rich.console import Console

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from ops.redrive import DeadLetter, Queues, redrive
from tests.integration.functions import picture
from tests.integration.resources import DEAD_LETTERS_URL, IMAGES, QUEUE_URL
from tests.integration.world import World, hash_of

CAT = picture()
KEY = f"images/{hash_of(CAT)}.png"


@pytest.fixture
def queues(world: World) -> Queues:
    images = ImagesTable(clients.dynamodb(), IMAGES)
    return Queues(world.resources.sqs, QUEUE_URL, DEAD_LETTERS_URL, images, poll_seconds=0)


def bury(world: World, *bodies: str) -> None:
    for body in bodies:
        world.resources.sqs.send_message(QueueUrl=DEAD_LETTERS_URL, MessageBody=body)


def announcement() -> str:
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": KEY}}}
    return json.dumps({"Records": [record]})


def printed(queues: Queues, *, only_list: bool = False, with_poison: bool = False) -> str:
    out = StringIO()
    redrive(queues, Console(file=out, width=200), only_list=only_list, with_poison=with_poison)
    return out.getvalue()


def test_a_dead_letter_is_returned_and_its_request_answered(world: World, queues: Queues) -> None:
    """Rekognition throttles for as long as the queue has patience."""
    request_id = world.functions.submit(CAT).body["request_id"]
    world.wire.fail("DetectLabels", "ThrottlingException")
    for _ in range(6):
        world.trigger.deliver()
        world.trigger.end_visibility_timeouts()
    world.wire.reset()
    assert (world.resources.depth(QUEUE_URL), world.resources.depth(DEAD_LETTERS_URL)) == (0, 1)
    assert "is pending after 0 paid attempts" in printed(queues)
    assert (world.resources.depth(QUEUE_URL), world.resources.depth(DEAD_LETTERS_URL)) == (1, 0)
    world.trigger.deliver_all()
    assert world.functions.get(request_id).body["status"] == "completed"


REASONS = {
    "is not JSON": ("noise", True),
    "not a JSON object": ("[]", True),
    "no list of Records": ("{}", True),
    "not an S3 event": ('{"Records": [1]}', True),
    "announces no image of ours": ('{"Event": "s3:TestEvent"}', False),
    "was never begun": (announcement(), False),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_dead_letter_says_why_it_is_one(world: World, queues: Queues, reason: str) -> None:
    body, is_poison = REASONS[reason]
    bury(world, body)
    [letter] = queues.dead_letters()
    assert reason in letter.reason
    assert letter.is_poison is is_poison


def test_a_dead_letter_of_a_scanned_image_says_so(world: World, queues: Queues) -> None:
    world.functions.submit(CAT)
    world.trigger.deliver_all()
    bury(world, announcement())
    [letter] = queues.dead_letters()
    assert letter.reason == f"{hash_of(CAT)[:12]} is completed already"


def test_listing_moves_nothing(world: World, queues: Queues) -> None:
    bury(world, announcement(), "noise")
    assert "0 of 2 dead letters returned" in printed(queues, only_list=True)
    assert world.resources.depth(QUEUE_URL) == 0
    assert len(queues.dead_letters()) == 2


@pytest.mark.parametrize(("with_poison", "stay"), [(False, 1), (True, 0)])
def test_poison_stays_unless_all_are_asked_for(world: World, queues: Queues, with_poison: bool, stay: int) -> None:
    bury(world, announcement(), "noise")
    text = printed(queues, with_poison=with_poison)
    assert f"{2 - stay} of 2 dead letters returned" in text
    assert world.resources.depth(QUEUE_URL) == 2 - stay
    left: list[DeadLetter] = queues.dead_letters()
    assert len(left) == stay


def test_more_than_a_batch_is_returned(world: World, queues: Queues) -> None:
    bury(world, *[announcement()] * 23)
    assert "23 of 23 dead letters returned" in printed(queues)
    assert world.resources.depth(QUEUE_URL) == 23
