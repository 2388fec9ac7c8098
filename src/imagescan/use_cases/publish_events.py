"""Publish an event for each finished request, and count finished requests and images."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from imagescan.domain.events import DomainEvent, FinishedRecord, to_event
from imagescan.domain.scan_request import ScanRequest
from imagescan.domain.stats import Totals, count_totals


class Bus(Protocol):
    def publish(self, events: Mapping[int, DomainEvent]) -> Collection[int]:
        """Publish the events and return the keys of those that the bus rejected."""


class Counters(Protocol):
    def add(self, totals: Totals, token: str) -> None:
        """Add the totals, unless the same token was used in the last ten minutes."""


def publish_events(records: Sequence[FinishedRecord], *, bus: Bus, counters: Counters) -> str | None:
    """Publish an event for each finished request, then count all records before the first rejected one.

    Return the sequence number from which the stream must be retried, or None. Retried records have not been counted,
    and counted records are not retried. An event that follows a rejected one is published twice.
    """
    requests = {at: each.entity for at, each in enumerate(records) if isinstance(each.entity, ScanRequest)}
    rejected = bus.publish({at: to_event(request) for at, request in requests.items()})
    published = records[: min(rejected, default=len(records))]
    if published:
        counters.add(count_totals([each.entity for each in published]), _token(published))
    return records[len(published)].sequence_number if len(published) < len(records) else None


def _token(records: Sequence[FinishedRecord]) -> str:
    """Return 32 characters that are the same whenever the same records are retried."""
    return hashlib.sha256(" ".join(each.record_id for each in records).encode()).hexdigest()[:32]
