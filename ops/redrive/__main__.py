"""List the messages in the dead-letter queues of a stack with their reasons, and redeliver them.

`make redrive` processes the local stack, `make redrive STACK=name` a stack on AWS. Each message is delivered before it
is deleted. If the command is interrupted, a message can be delivered twice, which is harmless, but it is never lost.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import httpx
from rich.console import Console

from imagescan.aws.images_table import ImagesTable
from local.stack import Stack
from ops.redrive.dead_letters import DeadLetterQueue, RedriveTarget
from ops.redrive.redrive import redrive
from ops.redrive.scan_queue_target import ScanQueueTarget
from ops.redrive.stream_target import StreamTarget
from ops.redrive.webhook_target import WebhookTarget
from tools.console import CommandError


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """The outputs and parameters of a stack, and a factory of boto3 clients for it."""

    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

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
    parser.add_argument("stack", nargs="?", help="stack name on AWS (default: the local stack)")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")
    parser.add_argument("--list", action="store_true", help="list the messages without redelivering them")
    parser.add_argument("--all", action="store_true", help="redeliver malformed messages as well")
    arguments = parser.parse_args()
    try:
        stack = _on_aws(arguments) if arguments.stack else _local()
    except CommandError as error:
        Console(stderr=True).print(error)
        return 1
    options = {"only_list": arguments.list, "include_malformed": arguments.all}
    succeeded = [redrive(queue, target, Console(), **options) for queue, target in stack.dead_letter_queues()]
    return 0 if all(succeeded) else 1


def _on_aws(arguments: argparse.Namespace) -> DeployedStack:
    client: Any = boto3.Session(profile_name=arguments.profile, region_name=arguments.region).client
    [found] = client("cloudformation").describe_stacks(StackName=arguments.stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    return DeployedStack(client, outputs, parameters)


def _local() -> DeployedStack:
    stack = Stack()
    stack.require_running()
    return DeployedStack(stack.client, stack.outputs(), {})  # The local stack has no webhook.


if __name__ == "__main__":
    sys.exit(main())
