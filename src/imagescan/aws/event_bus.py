"""The event bus on which subscribers receive finished requests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from imagescan.domain.events import DomainEvent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "imagescan"
EVENTS_PER_CALL = 6
"""PutEvents accepts 10 events and 256 KB. This many of the largest possible events are always within both limits."""


@dataclass(frozen=True, slots=True)
class EventBus:
    client: "EventBridgeClient"
    name: str

    def publish(self, events: Mapping[int, DomainEvent]) -> set[int]:
        """Publish the events in order and return the keys of those that the bus rejected."""
        rejected: set[int] = set()
        for batch in batched(events.items(), EVENTS_PER_CALL, strict=False):
            response = self.client.put_events(Entries=[self._entry(event) for _, event in batch])
            entries = zip(batch, response["Entries"], strict=True)
            rejected |= {key for (key, _), entry in entries if entry.get("ErrorCode")}
        return rejected

    def _entry(self, event: DomainEvent) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": json.dumps(event.detail, ensure_ascii=False, separators=(",", ":")),
        }
