import json
from typing import Any

from imagescan.aws.s3_events import s3_event_message
from imagescan.aws.scan_queue import messages_from_event
from imagescan.domain.scan_message import ScanMessage


def key(number: int) -> str:
    return f"images/{number:064x}.jpg"


def sqs_record(body: str, receives: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": "m", "receiptHandle": "receipt", "attributes": attributes, "body": body}


def parse(body: str, receives: int = 1) -> ScanMessage:
    [message] = messages_from_event({"Records": [sqs_record(body, receives)]})
    return message


def test_a_message_has_its_keys_receipt_and_receive_count() -> None:
    assert parse(s3_event_message(key(1)), receives=3) == ScanMessage("m", "receipt", 3, keys=(key(1),))


def test_a_message_with_several_records_has_several_keys() -> None:
    records = [json.loads(s3_event_message(key(n)))["Records"][0] for n in (1, 2)]
    assert parse(json.dumps({"Records": records})).keys == (key(1), key(2))


def test_a_malformed_message_has_an_error_and_no_keys() -> None:
    assert parse("not JSON") == ScanMessage("m", "receipt", 1, error="the message is not JSON")


def test_a_test_event_has_neither_keys_nor_an_error() -> None:
    assert parse('{"Event": "s3:TestEvent"}') == ScanMessage("m", "receipt", 1)


def test_a_malformed_message_does_not_affect_the_other_messages_of_its_batch() -> None:
    records = [sqs_record(body) for body in (s3_event_message(key(1)), "[]", s3_event_message(key(2)))]
    messages = messages_from_event({"Records": records})
    assert [(message.keys, message.error is None) for message in messages] == [
        ((key(1),), True),
        ((), False),
        ((key(2),), True),
    ]
