"""The event bus on which subscribers hear of requests that ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from imagescan.announce import Announcement

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "imagescan"
EVENTS_A_CALL = 6
"""A call takes 10 events and 256 KB: this many of the largest that can be are always within both."""


@dataclass(frozen=True, slots=True)
class EventBus:
    client: "EventBridgeClient"
    name: str

    def send(self, announcements: Mapping[int, Announcement]) -> set[int]:
        """Send them all, in order; the keys of those that the bus refused."""
        refused: set[int] = set()
        for some in batched(announcements.items(), EVENTS_A_CALL, strict=False):
            answer = self.client.put_events(Entries=[self._entry(each) for _, each in some])
            refused |= {key for (key, _), entry in zip(some, answer["Entries"], strict=True) if entry.get("ErrorCode")}
        return refused

    def _entry(self, announcement: Announcement) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": announcement.type,
            "Detail": json.dumps(announcement.detail, ensure_ascii=False, separators=(",", ":")),
        }
