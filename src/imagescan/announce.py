"""Tell subscribers of the requests that ended, and count them and the images that came to their end."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from imagescan.answer import iso_time
from imagescan.labels import Finding
from imagescan.requests import Image, ScanRequest, Status, answer_of
from imagescan.totals import Totals, tally

_TYPES = {Status.COMPLETED: "Scan Completed", Status.FAILED: "Scan Failed"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A request or an image that came to its end, with the id and the place of the record that told so."""

    record_id: str
    place: str
    what: ScanRequest | Image


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event for subscribers."""

    type: str
    detail: Mapping[str, Any]


class Bus(Protocol):
    def send(self, announcements: Mapping[int, Announcement]) -> Collection[int]:
        """Send them; the keys of those that were refused."""


class Counters(Protocol):
    def add(self, totals: Totals, token: str) -> None:
        """Count these, unless the same was counted under the same token in the last ten minutes."""


def announce(ended: Sequence[Ended], *, bus: Bus, counters: Counters) -> str | None:
    """Send an event for each request that ended, then count all up to the first that was refused.

    Returns the place from which all has to be told again, or None. What comes again has not been counted, and nothing
    that was counted comes again; an event that follows a refused one is sent twice.
    """
    requests = {at: each.what for at, each in enumerate(ended) if isinstance(each.what, ScanRequest)}
    refused = bus.send({at: announcement(request) for at, request in requests.items()})
    told = ended[: min(refused, default=len(ended))]
    if told:
        counters.add(tally([each.what for each in told]), _token(told))
    return ended[len(told)].place if len(told) < len(ended) else None


def announcement(request: ScanRequest) -> Announcement:
    """What subscribers are told of a request that ended: its own words, and the answer without boxes."""
    question, answer = request.question, answer_of(request)
    verdict = answer.verdict
    return Announcement(
        _TYPES[answer.status],
        {
            "request_id": request.id,
            "reference": request.reference,
            "status": answer.status,
            "image_hash": request.image_hash,
            "label_matched": verdict.matched if verdict else None,
            "labels_asked": list(question.labels),
            "match_mode": question.mode,
            "min_confidence": question.min_confidence,
            "results": [_result(finding) for finding in verdict.findings] if verdict else [],
            "failure": asdict(answer.failure) if answer.failure else None,
            "created_at": iso_time(request.created_at),
            "completed_at": iso_time(answer.completed_at),
        },
    )


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "label": finding.wanted,
        "matched": finding.matched,
        "matched_by": finding.match.matched_by if finding.match else None,
        "confidence": finding.match.label.confidence if finding.match else None,
    }


def _token(ended: Sequence[Ended]) -> str:
    """The same records, told again, have the same token; 32 characters."""
    return hashlib.sha256(" ".join(each.record_id for each in ended).encode()).hexdigest()[:32]
