"""Lists the dead letters of a deployed stack with their reasons, and returns them to the scan queue.

`make redrive` is for the local stack, `make redrive STACK=name` for one on AWS. It receives, sends and deletes, in
that order: cut short, it leaves a message twice rather than never, and one about a scanned image costs nothing.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from imagescan.aws.images_table import ImagesTable
from imagescan.images import hash_in_key
from imagescan.requests import Image
from imagescan.uploads import Poison, keys_in
from local.say import Trouble
from local.stack import Stack

# Long enough to look at all of them: one that comes a second time ends the round.
HIDDEN_SECONDS = 300
# A queue is empty when it has nothing to give for so long; a shorter look may miss some of its servers.
POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that the scanner gave up, and why; ``is_poison`` when it would give it up again."""

    id: str
    receipt: str
    body: str
    sent_at: float
    reason: str
    is_poison: bool = False


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of one stack by their addresses, and the table of its images; ``sqs`` is a boto3 client."""

    sqs: Any
    queue_url: str
    dead_letters_url: str
    images: ImagesTable
    poll_seconds: int = POLL_SECONDS

    def dead_letters(self) -> list[DeadLetter]:
        """All of them, oldest first; nobody else receives them for a while."""
        found: dict[str, DeadLetter] = {}
        while batch := [message for message in self._receive() if message["MessageId"] not in found]:
            found |= {message["MessageId"]: self._dead_letter(message) for message in batch}
        return sorted(found.values(), key=lambda letter: letter.sent_at)

    def give_back(self, letter: DeadLetter) -> None:
        """Return it to the scan queue."""
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=letter.body)
        self.sqs.delete_message(QueueUrl=self.dead_letters_url, ReceiptHandle=letter.receipt)

    def leave(self, letter: DeadLetter) -> None:
        """Let it be seen among the dead letters again."""
        self.sqs.change_message_visibility(
            QueueUrl=self.dead_letters_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )

    def _receive(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=self.dead_letters_url,
            MaxNumberOfMessages=10,
            AttributeNames=["SentTimestamp"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=self.poll_seconds,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _dead_letter(self, message: Mapping[str, Any]) -> DeadLetter:
        reason, is_poison = self._reason(message["Body"])
        sent_at = int(message["Attributes"]["SentTimestamp"]) / 1000
        return DeadLetter(message["MessageId"], message["ReceiptHandle"], message["Body"], sent_at, reason, is_poison)

    def _reason(self, body: str) -> tuple[str, bool]:
        """What is the matter with it, and whether it is poison."""
        try:
            keys = keys_in(body)
        except Poison as poison:
            return str(poison), True
        hashes = [image_hash for key in keys if (image_hash := hash_in_key(key))]
        found = self.images.get_many(hashes) if hashes else {}
        states = [f"{image_hash[:12]} {_state(found.get(image_hash))}" for image_hash in hashes]
        return "; ".join(states) or "announces no image of ours", False


def redrive(queues: Queues, console: Console, *, only_list: bool, with_poison: bool) -> None:
    """Print every dead letter; return those that may go through now, and poison too when asked."""
    letters = queues.dead_letters()
    returned = [letter for letter in letters if not only_list and (with_poison or not letter.is_poison)]
    for letter in letters:
        (queues.give_back if letter in returned else queues.leave)(letter)
    console.print(_table(letters))
    console.print(f"{len(returned)} of {len(letters)} dead letters returned to the scan queue.")
    if any(letter.is_poison for letter in letters) and not with_poison:
        console.print("Poison stays: the scanner would give it up again. --all returns it too.")


def main() -> int:
    """Redrive a stack; 1 when the local one is not up."""
    parser = argparse.ArgumentParser(prog="python -m ops.redrive", description=__doc__)
    parser.add_argument("stack", nargs="?", help="the name it has on AWS; the local stack when left out")
    parser.add_argument("--region", help="on AWS; the credentials' own when left out")
    parser.add_argument("--profile", help="on AWS, of the AWS CLI's configuration")
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("--all", action="store_true", help="return poison too")
    wanted = parser.parse_args()
    try:
        queues = _on_aws(wanted) if wanted.stack else _local()
    except Trouble as trouble:
        Console(stderr=True).print(trouble)
        return 1
    redrive(queues, Console(), only_list=wanted.list, with_poison=wanted.all)
    return 0


def _on_aws(wanted: argparse.Namespace) -> Queues:
    client: Any = boto3.Session(profile_name=wanted.profile, region_name=wanted.region).client
    [found] = client("cloudformation").describe_stacks(StackName=wanted.stack)["Stacks"]
    return _queues(client, {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]})


def _local() -> Queues:
    stack = Stack()
    if not all(server.process() for server in stack.servers()):
        raise Trouble("the local stack is not up: run make up")
    return _queues(stack.client, stack.outputs())


def _queues(client: Callable[[str], Any], outputs: Mapping[str, str]) -> Queues:
    images = ImagesTable(client("dynamodb"), outputs["ImagesTable"])
    return Queues(client("sqs"), outputs["ScanQueueUrl"], outputs["DeadLetterQueueUrl"], images)


def _state(image: Image | None) -> str:
    if image is None:
        return "was never begun"
    if image.scan:
        return f"is {image.scan.status} already"
    return f"is pending after {image.attempts} paid attempts"


def _table(letters: list[DeadLetter]) -> Table:
    table = Table("sent", "message", "reason", title="Dead letters")
    for letter in letters:
        at = datetime.fromtimestamp(letter.sent_at, UTC)
        table.add_row(
            f"{at:%Y-%m-%d %H:%M:%S}Z", letter.id, f"poison: {letter.reason}" if letter.is_poison else letter.reason
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
