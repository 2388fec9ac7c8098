"""The event that subscribers receive for a finished request."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from imagescan.domain.feature import OTHER_FEATURES
from imagescan.domain.image_record import Image, Status
from imagescan.domain.iso_time import iso_time
from imagescan.domain.match import Result
from imagescan.domain.scan_request import ScanRequest, require_answer

_TYPES = {Status.COMPLETED: "Scan Completed", Status.FAILED: "Scan Failed"}


@dataclass(frozen=True, slots=True)
class FinishedRecord:
    """A request or an image that finished, with the ID and the sequence number of its stream record."""

    record_id: str
    sequence_number: str
    entity: ScanRequest | Image


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """An event for subscribers."""

    type: str
    detail: Mapping[str, Any]


def to_event(request: ScanRequest) -> DomainEvent:
    """Return the event for a finished request: its answer without findings and bounding boxes."""
    question, answer = request.question, require_answer(request)
    verdict = answer.verdict
    return DomainEvent(
        _TYPES[answer.status],
        {
            "request_id": request.id,
            "reference": request.reference,
            "status": answer.status,
            "image_hash": request.image_hash,
            "label_matched": verdict.matched if verdict else None,
            "features": list(question.features),
            "labels_asked": list(question.labels),
            **{f"{feature}_asked": list(question.asked.get(feature, ())) for feature in OTHER_FEATURES},
            "match_mode": question.mode,
            "min_confidence": question.min_confidence,
            "results": [_result(result) for result in verdict.results] if verdict else [],
            "failure": asdict(answer.failure) if answer.failure else None,
            "created_at": iso_time(request.created_at),
            "completed_at": iso_time(answer.completed_at),
        },
    )


def _result(result: Result) -> dict[str, Any]:
    return {
        "feature": result.feature,
        "label": result.asked,
        "matched": result.matched,
        "matched_by": result.match.matched_by if result.match else None,
        "confidence": result.match.finding.confidence if result.match else None,
    }
