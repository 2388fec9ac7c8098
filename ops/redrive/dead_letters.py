"""Read and redeliver the messages of a dead-letter queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

# Long enough to receive every message of the queue once. A message that arrives twice ends the round.
VISIBILITY_TIMEOUT_SECONDS = 300
# A queue counts as empty when a long poll returns nothing. Short polling can miss messages on some of SQS's servers.
POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a dead-letter queue. `attributes` are its message attributes."""

    id: str
    receipt: str
    body: str
    sent_at: float
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FailureReason:
    """The reason why a message is in the queue. `is_malformed` means that redelivering it would fail again."""

    text: str
    is_malformed: bool = False

    def __str__(self) -> str:
        return f"malformed: {self.text}" if self.is_malformed else self.text


class RedeliveryFailed(Exception):
    """The message could not be redelivered. The text says why."""


class RedriveTarget(Protocol):
    """The original destination of the messages in a dead-letter queue."""

    @property
    def name(self) -> str:
        """Return the display name."""

    def reason(self, letter: DeadLetter) -> FailureReason:
        """Return the reason why the message is in the queue."""

    def redeliver(self, letter: DeadLetter) -> None:
        """Deliver the message again. Raise RedeliveryFailed if that fails."""


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """A dead-letter queue. `sqs` is a boto3 client."""

    sqs: Any
    url: str
    poll_seconds: int = POLL_SECONDS

    def receive_all(self) -> list[DeadLetter]:
        """Return all messages, oldest first. They stay invisible to other consumers for the visibility timeout."""
        received: dict[str, DeadLetter] = {}
        while batch := [letter for letter in self._receive() if letter.id not in received]:
            received |= {letter.id: letter for letter in batch}
        return sorted(received.values(), key=lambda letter: letter.sent_at)

    def delete(self, letter: DeadLetter) -> None:
        """Delete the message."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=letter.receipt)

    def release(self, letter: DeadLetter) -> None:
        """Make the message visible again."""
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def _receive(self) -> list[DeadLetter]:
        response = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
            VisibilityTimeout=VISIBILITY_TIMEOUT_SECONDS,
            WaitTimeSeconds=self.poll_seconds,
        )
        return [_dead_letter(message) for message in response.get("Messages", [])]


def _dead_letter(message: Mapping[str, Any]) -> DeadLetter:
    attributes = {name: each["StringValue"] for name, each in message.get("MessageAttributes", {}).items()}
    sent_at = int(message["Attributes"]["SentTimestamp"]) / 1000
    return DeadLetter(message["MessageId"], message["ReceiptHandle"], message["Body"], sent_at, attributes)
