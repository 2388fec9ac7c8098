"""What the API says about a request. Every key is always there; what is not known yet is null. Pure."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from imagescan.labels import Label, Match, Verdict, most_confident_first
from imagescan.requests import Answer, Image, ScanRequest, Status, is_shared


def body(request: ScanRequest) -> dict[str, Any]:
    """The request as clients read it: confidences in percent, boxes in fractions, times in ISO 8601."""
    answer = request.answer
    scan, verdict = (answer.scan, answer.verdict) if answer else (None, None)
    return {
        "request_id": request.id,
        "status": answer.status if answer else Status.PENDING,
        "message": _message(request),
        "label": request.label,
        "min_confidence": request.min_confidence,
        "label_matched": verdict.matched if verdict else None,
        "match": _match(verdict.match) if verdict and verdict.match else None,
        "nearest": [_label(label) for label in verdict.nearest] if verdict else [],
        "labels": [_label(label) for label in most_confident_first(scan.labels)] if scan else [],
        "failure": asdict(answer.failure) if answer and answer.failure else None,
        "image_hash": request.image_hash,
        "created_at": _time(request.created_at),
        "deadline": _time(request.deadline),
        "completed_at": _time(answer.completed_at) if answer else None,
        "scanned_at": _time(scan.finished_at) if scan else None,
        "model_version": scan.model_version if scan else None,
        "scan_shared": is_shared(request, scan) if scan else None,
    }


def debug_data(request: ScanRequest, image: Image | None) -> dict[str, Any]:
    """What helps to see why a request stands as it does; ``image`` is the row that was read, if one had to be."""
    return {
        "image_key": request.image_key,
        "scanned_for": request.answer.scan.scanned_for if request.answer and request.answer.scan else None,
        "image": {
            "attempts": image.attempts,
            "lease_until": _time(image.lease_until) if image.lease_until else None,
            "queued_again_at": _time(image.queued_again_at) if image.queued_again_at else None,
            "is_terminal": image.scan is not None,
        }
        if image
        else None,
    }


def _message(request: ScanRequest) -> str:
    return _MESSAGES[request.answer.status](request, request.answer) if request.answer else _WAITING


_WAITING = "The image is waiting to be scanned. Ask again in a moment."


def _completed(request: ScanRequest, answer: Answer) -> str:
    verdict = answer.verdict or Verdict(None)
    if verdict.match is None:
        return f"No: the image shows no '{request.label}' at {request.min_confidence:g} % or more."
    found = verdict.match
    named = "" if found.matched_by == "name" else f", found as '{found.label.name}' by its {found.matched_by}"
    return f"Yes: the image shows '{request.label}' ({found.label.confidence:.1f} %{named})."


def _failed(request: ScanRequest, answer: Answer) -> str:
    return answer.failure.message if answer.failure else f"The request {request.id} failed."


_MESSAGES: dict[Status, Callable[[ScanRequest, Answer], str]] = {Status.COMPLETED: _completed, Status.FAILED: _failed}


def _match(found: Match) -> dict[str, Any]:
    return {
        "label": found.label.name,
        "confidence": found.label.confidence,
        "matched_by": found.matched_by,
        "boxes": [asdict(box) for box in found.label.boxes],
    }


def _label(label: Label) -> dict[str, Any]:
    return asdict(label)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
