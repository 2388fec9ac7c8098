import pytest

from imagescan.aws import clients
from imagescan.aws.scan_queue import ScanQueue, messages_from_event
from imagescan.domain.scan_message import ScanMessage
from testing.functions import batch_event
from testing.moto_environment import MotoEnvironment
from testing.resources import QUEUE_URL

KEY = f"images/{'ab' * 32}.png"


@pytest.fixture
def queue(env: MotoEnvironment) -> ScanQueue:
    assert env.transport.calls == []
    return ScanQueue(clients.sqs(), QUEUE_URL)


def receive(env: MotoEnvironment) -> ScanMessage:
    [message] = messages_from_event(batch_event(*env.trigger.receive()))
    return message


def test_an_enqueued_key_is_parsed_like_an_upload(queue: ScanQueue, env: MotoEnvironment) -> None:
    assert queue.enqueue_all([KEY]) == []
    message = receive(env)
    assert (message.keys, message.error, message.receives) == ((KEY,), None, 1)


@pytest.mark.parametrize(("delay", "visible"), [(0, 1), (60, 0)])
def test_a_message_is_retried_after_its_delay(queue: ScanQueue, env: MotoEnvironment, delay: int, visible: int) -> None:
    assert queue.enqueue_all([KEY]) == []
    queue.retry_later({receive(env): delay})
    assert len(env.trigger.receive()) == visible


def test_a_message_that_sqs_does_not_delay_does_not_affect_other_messages(
    queue: ScanQueue, env: MotoEnvironment
) -> None:
    assert queue.enqueue_all([KEY]) == []
    unknown = ScanMessage("unknown", "no receipt", receives=1)
    queue.retry_later({unknown: 10, receive(env): 0})
    assert len(env.trigger.receive()) == 1


def test_retry_later_without_messages_makes_no_call(queue: ScanQueue, env: MotoEnvironment) -> None:
    queue.retry_later({})
    assert env.transport.calls == []


def test_the_keys_that_sqs_rejects_are_returned(
    queue: ScanQueue, env: MotoEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"images/{number:064x}.png" for number in range(10)]
    assert queue.enqueue_all(keys) == []
    assert env.transport.calls == ["SendMessageBatch"]
    response = {"Failed": [{"Id": "3", "SenderFault": False, "Code": "InternalError"}]}
    monkeypatch.setattr(queue.client, "send_message_batch", lambda **_: response)
    assert queue.enqueue_all(keys) == [keys[3]]
