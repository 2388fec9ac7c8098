"""The queue of images to scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagescan.aws.s3_events import MalformedMessage, image_keys, s3_event_message
from imagescan.domain.scan_message import ScanMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class ScanQueue:
    client: "SQSClient"
    url: str

    def enqueue_all(self, keys: Sequence[str]) -> list[str]:
        """Enqueue the images under these keys (at most 10) for scanning, and return the keys that SQS rejected."""
        entries: list[Any] = [{"Id": str(at), "MessageBody": s3_event_message(key)} for at, key in enumerate(keys)]
        response = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        return [keys[int(failed["Id"])] for failed in response.get("Failed", [])]

    def retry_later(self, delays: Mapping[ScanMessage, int]) -> None:
        """Make these messages (at most 10) visible again after their delays in seconds.

        A message that SQS does not delay becomes visible when the queue's own visibility timeout ends.
        """
        entries: list[Any] = [
            {"Id": str(at), "ReceiptHandle": message.receipt, "VisibilityTimeout": delay}
            for at, (message, delay) in enumerate(delays.items())
        ]
        if entries:
            self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)


def messages_from_event(event: dict[str, Any]) -> list[ScanMessage]:
    """Return the messages in a Lambda event from SQS. A message that cannot be parsed carries the error."""
    return [_message(record) for record in event["Records"]]


def _message(record: dict[str, Any]) -> ScanMessage:
    identity = record["messageId"], record["receiptHandle"], int(record["attributes"]["ApproximateReceiveCount"])
    try:
        return ScanMessage(*identity, keys=tuple(image_keys(record["body"])))
    except MalformedMessage as error:
        return ScanMessage(*identity, error=str(error))
