import pytest

from imagescan.aws import clients
from imagescan.aws.scan_queue import ScanQueue
from imagescan.uploads import Message, keys_in
from tests.integration.resources import QUEUE_URL
from tests.integration.world import World

KEY = f"images/{'ab' * 32}.png"


@pytest.fixture
def queue(world: World) -> ScanQueue:
    assert world.wire.calls == []
    return ScanQueue(clients.sqs(), QUEUE_URL)


def received(world: World) -> Message:
    [message] = world.trigger.receive()
    return Message(message["MessageId"], message["ReceiptHandle"], message["Body"], receives=1)


def test_what_is_announced_is_read_as_an_upload(queue: ScanQueue, world: World) -> None:
    queue.announce(KEY)
    assert keys_in(received(world).body) == [KEY]


@pytest.mark.parametrize(("delay", "comes_now"), [(0, 1), (60, 0)])
def test_a_message_given_back_comes_after_its_delay(queue: ScanQueue, world: World, delay: int, comes_now: int) -> None:
    queue.announce(KEY)
    queue.give_back({received(world): delay})
    assert len(world.trigger.receive()) == comes_now


def test_a_message_that_sqs_will_not_delay_keeps_no_other_from_it(queue: ScanQueue, world: World) -> None:
    queue.announce(KEY)
    unknown = Message("unknown", "no receipt", "", receives=1)
    queue.give_back({unknown: 10, received(world): 0})
    assert len(world.trigger.receive()) == 1


def test_giving_nothing_back_calls_nobody(queue: ScanQueue, world: World) -> None:
    queue.give_back({})
    assert world.wire.calls == []
