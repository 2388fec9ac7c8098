"""The event bus on which subscribers receive finished requests."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagescan.domain.events import DomainEvent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "imagescan"
EVENTS_PER_CALL = 10  # limit of PutEvents
BYTES_PER_CALL = 256 * 1024 - 1024  # limit of PutEvents, with a margin for what it counts in addition

type Batch = dict[int, "PutEventsRequestEntryTypeDef"]


@dataclass(frozen=True, slots=True)
class EventBus:
    client: "EventBridgeClient"
    name: str

    def publish(self, events: Mapping[int, DomainEvent]) -> set[int]:
        """Publish the events in order and return the keys of those that the bus rejected."""
        rejected: set[int] = set()
        for batch in self._batches(events):
            response = self.client.put_events(Entries=list(batch.values()))
            rejected |= {key for key, entry in zip(batch, response["Entries"], strict=True) if entry.get("ErrorCode")}
        return rejected

    def _batches(self, events: Mapping[int, DomainEvent]) -> Iterator[Batch]:
        """Distribute the events to as few calls as their number and their sizes allow, in order."""
        batch: Batch = {}
        size = 0
        for key, event in events.items():
            entry = self._entry(event)
            entry_size = _size(entry)
            if batch and (len(batch) == EVENTS_PER_CALL or size + entry_size > BYTES_PER_CALL):
                yield batch
                batch, size = {}, 0
            batch[key] = entry
            size += entry_size
        if batch:
            yield batch

    def _entry(self, event: DomainEvent) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": json.dumps(event.detail, ensure_ascii=False, separators=(",", ":")),
        }


def _size(entry: "PutEventsRequestEntryTypeDef") -> int:
    """Return the size that PutEvents counts.

    Source: the Amazon EventBridge user guide, "Calculating PutEvents event entry size".
    """
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
