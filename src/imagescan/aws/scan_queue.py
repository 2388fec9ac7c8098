"""The queue of images to scan."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagescan.uploads import Message, announcement

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ScanQueue:
    client: "SQSClient"
    url: str

    def announce(self, key: str) -> None:
        """Queue the image under ``key`` for scanning."""
        self.client.send_message(QueueUrl=self.url, MessageBody=announcement(key))

    def give_back(self, delays: Mapping[Message, int]) -> None:
        """Let these messages (at most 10) come again, each after its delay in seconds.

        One that SQS refuses to delay comes again all the same, when the queue's own visibility time-out ends.
        """
        entries: list[Any] = [
            {"Id": str(at), "ReceiptHandle": message.receipt, "VisibilityTimeout": delay}
            for at, (message, delay) in enumerate(delays.items())
        ]
        if entries:
            self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)


def messages_in(event: dict[str, Any]) -> list[Message]:
    """The messages of a Lambda event from SQS."""
    return [
        Message(
            id=record["messageId"],
            receipt=record["receiptHandle"],
            body=record["body"],
            receives=int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]
