"""Messages that were given up, and what can be done about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

# Long enough to look at all of them: one that comes a second time ends the round.
HIDDEN_SECONDS = 300
# A queue is empty when it has nothing to give for so long; a shorter look may miss some of its servers.
POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it lies in its queue; ``attributes`` are what its sender wrote beside the body."""

    id: str
    receipt: str
    body: str
    sent_at: float
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it was given up; ``is_poison`` when it would be given up again."""

    text: str
    is_poison: bool = False

    def __str__(self) -> str:
        return f"poison: {self.text}" if self.is_poison else self.text


class NotTaken(Exception):
    """It could not be given back now. The text says why."""


class Addressee(Protocol):
    """Whom the messages of a queue were meant for."""

    @property
    def name(self) -> str:
        """What people call it."""

    def reason(self, letter: Letter) -> Reason:
        """What is the matter with it."""

    def give_back(self, letter: Letter) -> None:
        """Hand it over once more. Raises NotTaken."""


@dataclass(frozen=True, slots=True)
class LetterQueue:
    """A queue of such messages by its address; ``sqs`` is a boto3 client."""

    sqs: Any
    url: str
    poll_seconds: int = POLL_SECONDS

    def letters(self) -> list[Letter]:
        """All of them, oldest first; nobody else receives them for a while."""
        found: dict[str, Letter] = {}
        while batch := [letter for letter in self._receive() if letter.id not in found]:
            found |= {letter.id: letter for letter in batch}
        return sorted(found.values(), key=lambda letter: letter.sent_at)

    def forget(self, letter: Letter) -> None:
        """Delete it."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=letter.receipt)

    def leave(self, letter: Letter) -> None:
        """Let it be seen again."""
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def _receive(self) -> list[Letter]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=self.poll_seconds,
        )
        return [_letter(message) for message in answer.get("Messages", [])]


def _letter(message: Mapping[str, Any]) -> Letter:
    attributes = {name: each["StringValue"] for name, each in message.get("MessageAttributes", {}).items()}
    sent_at = int(message["Attributes"]["SentTimestamp"]) / 1000
    return Letter(message["MessageId"], message["ReceiptHandle"], message["Body"], sent_at, attributes)
