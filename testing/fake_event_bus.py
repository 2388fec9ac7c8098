"""A fake Amazon EventBridge that responds at the transport level and records the events."""

import json
from collections import deque
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from testing.wire_messages import body_bytes, response

MAX_ENTRIES, MAX_BYTES = 10, 256 * 1024


class FakeEventBus:
    """``entries`` are the accepted events in order.

    ``rejections`` holds one set per call: the positions of the entries that the call rejects.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Discard all events and planned rejections."""
        self.entries: list[dict[str, str]] = []
        self.rejections: deque[set[int]] = deque()

    @property
    def details(self) -> list[dict[str, Any]]:
        """Details of the accepted events."""
        return [json.loads(entry["Detail"]) for entry in self.entries]

    def respond(self, request: AWSPreparedRequest) -> AWSResponse:
        """Respond to PutEvents."""
        entries = json.loads(body_bytes(request))["Entries"]
        assert len(entries) <= MAX_ENTRIES
        assert sum(map(_size, entries)) <= MAX_BYTES
        rejected = self.rejections.popleft() if self.rejections else set()
        self.entries += [entry for at, entry in enumerate(entries) if at not in rejected]
        results = [
            {"ErrorCode": "InternalFailure"} if at in rejected else {"EventId": "e"} for at in range(len(entries))
        ]
        body = json.dumps({"FailedEntryCount": len(rejected), "Entries": results})
        return response(request, 200, body.encode())


def _size(entry: dict[str, str]) -> int:
    """Return the size in bytes as EventBridge measures it."""
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
