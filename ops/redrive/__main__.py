"""Lists the messages that a deployed stack gave up, with their reasons, and hands them over once more.

`make redrive` is for the local stack, `make redrive STACK=name` for one on AWS. It receives, hands over and deletes,
in that order: cut short, it leaves a message twice rather than never, and a second one does no harm.
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
from local.say import Trouble
from local.stack import Stack
from ops.redrive.ended_function import EndedFunction
from ops.redrive.letters import Addressee, LetterQueue
from ops.redrive.redrive import redrive
from ops.redrive.scan_queue import ScanQueue
from ops.redrive.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack's outputs and parameters, and what makes a boto3 client for it."""

    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    def given_up(self) -> Iterator[tuple[LetterQueue, Addressee]]:
        """Where the stack leaves what it gave up, and whom that was for."""
        yield self._queue("ScanDeadLetterQueueUrl"), self._scan_queue()
        yield self._queue("EventStreamDeadLetterQueueUrl"), self._ended_function()
        if "WebhookDeadLetterQueueUrl" in self.outputs:
            yield self._queue("WebhookDeadLetterQueueUrl"), self._webhook()

    def _queue(self, output: str) -> LetterQueue:
        return LetterQueue(self.client("sqs"), self.outputs[output])

    def _scan_queue(self) -> ScanQueue:
        images = ImagesTable(self.client("dynamodb"), self.outputs["ImagesTable"])
        return ScanQueue(self.client("sqs"), self.outputs["ScanQueueUrl"], images)

    def _ended_function(self) -> EndedFunction:
        return EndedFunction(
            self.client("dynamodbstreams"), self.client("lambda"), self.outputs["EventPublisherFunction"]
        )

    def _webhook(self) -> Webhook:
        secrets, secret = self.client("secretsmanager"), self.outputs["WebhookApiKeySecret"]
        key = cache(lambda: str(secrets.get_secret_value(SecretId=secret)["SecretString"]))
        return Webhook(httpx.Client(timeout=10), self.parameters["WebhookUrl"], key)


def main() -> int:
    """Redrive a stack; 1 when the local one is not up, or something was not taken."""
    parser = argparse.ArgumentParser(prog="python -m ops.redrive", description=__doc__)
    parser.add_argument("stack", nargs="?", help="the name it has on AWS; the local stack when left out")
    parser.add_argument("--region", help="on AWS; the credentials' own when left out")
    parser.add_argument("--profile", help="on AWS, of the AWS CLI's configuration")
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("--all", action="store_true", help="return poison too")
    wanted = parser.parse_args()
    try:
        stack = _on_aws(wanted) if wanted.stack else _local()
    except Trouble as trouble:
        Console(stderr=True).print(trouble)
        return 1
    options = {"only_list": wanted.list, "with_poison": wanted.all}
    taken = [redrive(queue, addressee, Console(), **options) for queue, addressee in stack.given_up()]
    return 0 if all(taken) else 1


def _on_aws(wanted: argparse.Namespace) -> Deployed:
    client: Any = boto3.Session(profile_name=wanted.profile, region_name=wanted.region).client
    [found] = client("cloudformation").describe_stacks(StackName=wanted.stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    return Deployed(client, outputs, {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]})


def _local() -> Deployed:
    stack = Stack()
    if not all(server.process() for server in stack.servers()):
        raise Trouble("the local stack is not up: run make up")
    return Deployed(stack.client, stack.outputs(), {})  # it has no webhook


if __name__ == "__main__":
    sys.exit(main())
