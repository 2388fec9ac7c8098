"""What only tests do to a deployed stack: look behind the API, let time pass, end processes."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.stack import Stack

MINUTE = 60
# Long enough for a batch on a busy machine, short enough to wait for.
VISIBILITY_SECONDS = 20


@dataclass(frozen=True)
class Backstage:
    """A stack whose messages come again soon."""

    stack: Stack
    names: dict[str, str]

    @contextmanager
    def impatient(self) -> Iterator["Backstage"]:
        """While it lasts, a message that was left in flight comes again after ``VISIBILITY_SECONDS``."""
        before = self._attributes("ScanQueueUrl", "VisibilityTimeout")
        self._set_queue({"VisibilityTimeout": str(VISIBILITY_SECONDS)})
        yield self
        self._set_queue(before)

    @contextmanager
    def no_second_chance(self) -> Iterator[None]:
        """While it lasts, a message is a dead letter after its first failure."""
        before = self._attributes("ScanQueueUrl", "RedrivePolicy")
        policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1}
        self._set_queue({"RedrivePolicy": json.dumps(policy)})
        yield
        self._set_queue(before)

    @contextmanager
    def lost_messages(self) -> Iterator[None]:
        """While it lasts, nobody receives; whatever came into the queue is gone at its end."""
        self._feed_the_scanner(enabled=False)
        yield
        self._sqs.purge_queue(QueueUrl=self.names["ScanQueueUrl"])
        self._feed_the_scanner(enabled=True)

    def send(self, *bodies: str) -> None:
        """Messages into the scan queue."""
        for body in bodies:
            self._sqs.send_message(QueueUrl=self.names["ScanQueueUrl"], MessageBody=body)

    def depth(self, queue: str) -> int:
        """How many messages the queue of that output holds, those in flight among them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(int(count) for count in self._attributes(queue, *names).values())

    def forget_dead_letters(self) -> None:
        """Empties the dead-letter queue."""
        self._sqs.purge_queue(QueueUrl=self.names["ScanDeadLetterQueueUrl"])

    def kill_handlers(self) -> int:
        """Ends every handler's process where it stands, and lets what they had leased expire; how many there were."""
        emulator = self.stack.servers()[0].process()
        assert emulator
        workers = emulator.children(recursive=True)
        for worker in workers:
            worker.kill()
        self._set_number("ImagesTable", "image_hash", "lease_until", lambda _: 0.0)
        return len(workers)

    def pass_patience(self) -> dict[str, Any]:
        """What waits has waited for eleven minutes more, and the sweeper runs; what it did."""
        self._set_number("RequestsTable", "request_id", "created_at", lambda at: at - 11 * MINUTE, waiting=True)
        self._set_number("ImagesTable", "image_hash", "requeued_at", lambda at: at - 11 * MINUTE)
        invoked = self.stack.client("lambda").invoke(FunctionName=self.names["SweeperFunction"])
        result: dict[str, Any] = json.loads(invoked["Payload"].read())
        return result

    def logged(self, message: str, since: float) -> list[dict[str, Any]]:
        """The scanner's structured lines with that message, from then on (seconds since the epoch)."""
        logs = self.stack.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate()
        groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
        events = [
            event["message"]
            for group in groups
            if "Scanner" in group
            for page in logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, startTime=int(since * 1000)
            )
            for event in page["events"]
        ]
        lines = [json.loads(event) for event in events if event.startswith("{")]
        return [line for line in lines if line["message"] == message]

    @property
    def _sqs(self) -> Any:
        return self.stack.client("sqs")

    def _attributes(self, queue: str, *names: str) -> dict[str, str]:
        answer = self._sqs.get_queue_attributes(QueueUrl=self.names[queue], AttributeNames=list(names))
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    def _set_queue(self, attributes: dict[str, str]) -> None:
        self._sqs.set_queue_attributes(QueueUrl=self.names["ScanQueueUrl"], Attributes=attributes)

    def _feed_the_scanner(self, *, enabled: bool) -> None:
        client = self.stack.client("lambda")
        [mapping] = client.list_event_source_mappings(FunctionName=self.names["ScannerFunction"])["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        time.sleep(2)  # a poll that is under way still receives

    def _set_number(
        self, table: str, key: str, name: str, change: Callable[[float], float], *, waiting: bool = False
    ) -> None:
        dynamodb, where = self.stack.client("dynamodb"), {"TableName": self.names[table]}
        pages = dynamodb.get_paginator("scan").paginate(
            **where, **({"IndexName": "pending_by_image"} if waiting else {})
        )
        for row in [row for page in pages for row in page["Items"] if name in row]:
            dynamodb.update_item(
                **where,
                Key={key: row[key]},
                UpdateExpression=f"SET {name} = :to",
                ConditionExpression=f"{name} = :from",
                ExpressionAttributeValues={
                    ":from": row[name],
                    ":to": {"N": repr(change(float(row[name]["N"])))},
                },
            )


def eventually(is_so: Callable[[], object], seconds: float = 60) -> None:
    """Returns once it is so; ``AssertionError`` when it is not so after that long."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds:.0f} s"
        time.sleep(0.5)
