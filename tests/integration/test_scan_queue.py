import pytest

from imagescan.aws import clients
from imagescan.aws.s3_events import image_keys
from imagescan.aws.scan_queue import ScanQueue
from imagescan.domain.scan_message import ScanMessage
from testing.moto_environment import MotoEnvironment
from testing.resources import QUEUE_URL

KEY = f"images/{'ab' * 32}.png"


@pytest.fixture
def queue(env: MotoEnvironment) -> ScanQueue:
    assert env.transport.calls == []
    return ScanQueue(clients.sqs(), QUEUE_URL)


def received(env: MotoEnvironment) -> ScanMessage:
    [message] = env.trigger.receive()
    return ScanMessage(message["MessageId"], message["ReceiptHandle"], message["Body"], receives=1)


def test_what_is_announced_is_read_as_an_upload(queue: ScanQueue, env: MotoEnvironment) -> None:
    queue.enqueue(KEY)
    assert image_keys(received(env).body) == [KEY]


@pytest.mark.parametrize(("delay", "comes_now"), [(0, 1), (60, 0)])
def test_a_message_given_back_comes_after_its_delay(
    queue: ScanQueue, env: MotoEnvironment, delay: int, comes_now: int
) -> None:
    queue.enqueue(KEY)
    queue.give_back({received(env): delay})
    assert len(env.trigger.receive()) == comes_now


def test_a_message_that_sqs_will_not_delay_keeps_no_other_from_it(queue: ScanQueue, env: MotoEnvironment) -> None:
    queue.enqueue(KEY)
    unknown = ScanMessage("unknown", "no receipt", "", receives=1)
    queue.give_back({unknown: 10, received(env): 0})
    assert len(env.trigger.receive()) == 1


def test_giving_nothing_back_calls_nobody(queue: ScanQueue, env: MotoEnvironment) -> None:
    queue.give_back({})
    assert env.transport.calls == []
