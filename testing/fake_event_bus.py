"""A double of Amazon EventBridge that answers on the wire and remembers what it took."""

import json
from collections import deque
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from testing.wire_messages import body_of, response

MOST_ENTRIES, MOST_BYTES = 10, 256 * 1024


class FakeEventBus:
    """``entries`` are those it took, in order; it refuses those at the positions in ``refuses``, one set a call."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.entries: list[dict[str, str]] = []
        self.refuses: deque[set[int]] = deque()

    @property
    def details(self) -> list[dict[str, Any]]:
        """What the events it took say."""
        return [json.loads(entry["Detail"]) for entry in self.entries]

    def answer(self, request: AWSPreparedRequest) -> AWSResponse:
        """One PutEvents."""
        entries = json.loads(body_of(request))["Entries"]
        assert len(entries) <= MOST_ENTRIES
        assert sum(map(_size, entries)) <= MOST_BYTES
        refused = self.refuses.popleft() if self.refuses else set()
        self.entries += [entry for at, entry in enumerate(entries) if at not in refused]
        results = [
            {"ErrorCode": "InternalFailure"} if at in refused else {"EventId": "e"} for at in range(len(entries))
        ]
        body = json.dumps({"FailedEntryCount": len(refused), "Entries": results})
        return response(request, 200, body.encode())


def _size(entry: dict[str, str]) -> int:
    """As EventBridge counts it."""
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
