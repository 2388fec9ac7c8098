"""List the messages in the dead-letter queues of a stack with their reasons, and redeliver them.

`make redrive` processes the local stack, `make redrive STACK=name` a stack on AWS. Each message is delivered before it
is deleted. If the command is interrupted, a message can be delivered twice, which is harmless, but it is never lost.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import cache

import httpx
from rich.console import Console

from imagescan.aws.images_table import ImagesTable
from ops.deployed_stack import StackAccess, access, add_arguments
from ops.redrive.dead_letters import DeadLetterQueue, RedriveTarget
from ops.redrive.redrive import redrive
from ops.redrive.scan_queue_target import ScanQueueTarget
from ops.redrive.stream_target import StreamTarget
from ops.redrive.webhook_target import WebhookTarget
from tools.console import CommandError


class DeployedStack(StackAccess):
    """The dead-letter queues of a stack."""

    def dead_letter_queues(self) -> Iterator[tuple[DeadLetterQueue, RedriveTarget]]:
        """Yield each dead-letter queue of the stack and the target of its messages."""
        yield self._queue("ScanDeadLetterQueueUrl"), self._scan_queue()
        yield self._queue("EventStreamDeadLetterQueueUrl"), self._event_publisher()
        if "WebhookDeadLetterQueueUrl" in self.outputs:
            yield self._queue("WebhookDeadLetterQueueUrl"), self._webhook()

    def _queue(self, output: str) -> DeadLetterQueue:
        return DeadLetterQueue(self.client("sqs"), self.outputs[output])

    def _scan_queue(self) -> ScanQueueTarget:
        images = ImagesTable(self.client("dynamodb"), self.outputs["ImagesTable"])
        return ScanQueueTarget(self.client("sqs"), self.outputs["ScanQueueUrl"], images)

    def _event_publisher(self) -> StreamTarget:
        return StreamTarget(
            self.client("dynamodbstreams"), self.client("lambda"), self.outputs["EventPublisherFunction"]
        )

    def _webhook(self) -> WebhookTarget:
        secrets, secret = self.client("secretsmanager"), self.outputs["WebhookApiKeySecret"]
        api_key = cache(lambda: str(secrets.get_secret_value(SecretId=secret)["SecretString"]))
        return WebhookTarget(httpx.Client(timeout=10), self.parameters["WebhookUrl"], api_key)


def main() -> int:
    """Redrive a stack. Return 1 if the local stack is not running or a redelivery failed."""
    parser = argparse.ArgumentParser(prog="python -m ops.redrive", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--list", action="store_true", help="list the messages without redelivering them")
    parser.add_argument("--all", action="store_true", help="redeliver malformed messages as well")
    arguments = parser.parse_args()
    try:
        found = access(arguments)
    except CommandError as error:
        Console(stderr=True).print(error)
        return 1
    stack = DeployedStack(found.client, found.outputs, found.parameters)
    options = {"only_list": arguments.list, "include_malformed": arguments.all}
    succeeded = [redrive(queue, target, Console(), **options) for queue, target in stack.dead_letter_queues()]
    return 0 if all(succeeded) else 1


if __name__ == "__main__":
    sys.exit(main())
