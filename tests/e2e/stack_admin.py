"""Manipulate a deployed stack in ways that only tests need: change queues, shift times and kill processes."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.stack import Stack

MINUTE = 60
# Long enough for a batch on a busy machine, short enough for a test to wait.
VISIBILITY_SECONDS = 20


@dataclass(frozen=True)
class StackAdmin:
    """Access to the resources of a stack. `names` are its outputs."""

    stack: Stack
    names: dict[str, str]

    @contextmanager
    def short_visibility_timeout(self) -> Iterator["StackAdmin"]:
        """Within the context, a message in flight becomes visible again after `VISIBILITY_SECONDS`."""
        before = self._attributes("ScanQueueUrl", "VisibilityTimeout")
        self._set_queue({"VisibilityTimeout": str(VISIBILITY_SECONDS)})
        yield self
        self._set_queue(before)

    @contextmanager
    def max_receive_count_one(self) -> Iterator[None]:
        """Within the context, a message moves to the dead-letter queue after its first failure."""
        before = self._attributes("ScanQueueUrl", "RedrivePolicy")
        policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1}
        self._set_queue({"RedrivePolicy": json.dumps(policy)})
        yield
        self._set_queue(before)

    @contextmanager
    def lost_messages(self) -> Iterator[None]:
        """Within the context, the scanner receives no messages. At its end, all messages in the queue are deleted."""
        self._set_scanner_trigger(enabled=False)
        yield
        self._sqs.purge_queue(QueueUrl=self.names["ScanQueueUrl"])
        self._set_scanner_trigger(enabled=True)

    def send(self, *bodies: str) -> None:
        """Send messages to the scan queue."""
        for body in bodies:
            self._sqs.send_message(QueueUrl=self.names["ScanQueueUrl"], MessageBody=body)

    def depth(self, queue: str) -> int:
        """Return the number of messages in the queue of that output, including those in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(int(count) for count in self._attributes(queue, *names).values())

    def purge_dead_letters(self) -> None:
        """Delete all messages in the scan queue's dead-letter queue."""
        self._sqs.purge_queue(QueueUrl=self.names["ScanDeadLetterQueueUrl"])

    def kill_handlers(self) -> int:
        """Kill every handler process, expire the leases, and return the number of processes."""
        emulator = self.stack.servers()[0].process()
        assert emulator
        workers = emulator.children(recursive=True)
        for worker in workers:
            worker.kill()
        self._set_number("ImagesTable", "image_hash", "lease_until", lambda _: 0.0)
        return len(workers)

    def advance_past_requeue_delay(self) -> dict[str, Any]:
        """Age pending requests and requeued images by 11 minutes, run the sweeper, and return its report."""
        self._set_number("RequestsTable", "request_id", "created_at", lambda at: at - 11 * MINUTE, only_pending=True)
        self._set_number("ImagesTable", "image_hash", "requeued_at", lambda at: at - 11 * MINUTE)
        invoked = self.stack.client("lambda").invoke(FunctionName=self.names["SweeperFunction"])
        result: dict[str, Any] = json.loads(invoked["Payload"].read())
        return result

    def logged(self, message: str, since: float) -> list[dict[str, Any]]:
        """Return the scanner's structured log lines with that message since a time in Unix seconds."""
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
        response = self._sqs.get_queue_attributes(QueueUrl=self.names[queue], AttributeNames=list(names))
        attributes: dict[str, str] = response["Attributes"]
        return attributes

    def _set_queue(self, attributes: dict[str, str]) -> None:
        self._sqs.set_queue_attributes(QueueUrl=self.names["ScanQueueUrl"], Attributes=attributes)

    def _set_scanner_trigger(self, *, enabled: bool) -> None:
        client = self.stack.client("lambda")
        [mapping] = client.list_event_source_mappings(FunctionName=self.names["ScannerFunction"])["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        time.sleep(2)  # A poll that is in progress still receives messages.

    def _set_number(
        self, table: str, key: str, name: str, change: Callable[[float], float], *, only_pending: bool = False
    ) -> None:
        """Change a numeric attribute of every item that has it, or of the items in the index of pending requests."""
        dynamodb, target = self.stack.client("dynamodb"), {"TableName": self.names[table]}
        index = {"IndexName": "pending_by_image"} if only_pending else {}
        pages = dynamodb.get_paginator("scan").paginate(**target, **index)
        for item in [item for page in pages for item in page["Items"] if name in item]:
            dynamodb.update_item(
                **target,
                Key={key: item[key]},
                UpdateExpression=f"SET {name} = :to",
                ConditionExpression=f"{name} = :from",
                ExpressionAttributeValues={
                    ":from": item[name],
                    ":to": {"N": repr(change(float(item[name]["N"])))},
                },
            )


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the condition is true. Fail the test if it is still false after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"condition not met within {seconds:.0f} s"
        time.sleep(0.5)
