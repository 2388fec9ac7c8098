"""What the API says about a request. Every key is always there; what is not known yet is null. Pure."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imagescan.labels import Box, Finding, Label, Match, MatchedBy, MatchMode, Question, Verdict, most_confident_first
from imagescan.requests import Asked, Image, ScanRequest, Status, Upload, deadline_of, is_shared

if TYPE_CHECKING:
    from imagescan.totals import Totals  # one handler's, which the others need not make


def body(request: ScanRequest, image: Image | None = None, upload: Upload | None = None) -> dict[str, Any]:
    """The request as clients read it: confidences in percent, boxes in fractions, times in ISO 8601.

    ``image`` is its image's row, as long as the request waits for it.
    """
    answer = request.answer
    scan, verdict = (answer.scan, answer.verdict) if answer else (None, None)
    return {
        "request_id": request.id,
        "reference": request.reference,
        "status": answer.status if answer else Status.PENDING,
        "message": _message(request, image),
        **_asked(request.question),
        **_answered(verdict),
        "labels": [_label(label) for label in most_confident_first(scan.labels)] if scan else [],
        "failure": asdict(answer.failure) if answer and answer.failure else None,
        "upload": _upload(upload) if upload else None,
        "image_hash": request.image_hash,
        "created_at": iso_time(request.created_at),
        "deadline": iso_time(deadline_of(request, image)),
        "completed_at": iso_time(answer.completed_at) if answer else None,
        "scanned_at": iso_time(scan.finished_at) if scan else None,
        "model_version": scan.model_version if scan else None,
        "scan_shared": is_shared(request, scan) if scan else None,
    }


def summary(request: ScanRequest, image: Image | None = None) -> dict[str, Any]:
    """The request in a list: as ``body``, without all that the image shows."""
    told = body(request, image)
    return {key: told[key] for key in told if key not in {"labels", "nearest", "results", "upload"}}


def entry(request: ScanRequest, image: Image | None, upload: Upload | None) -> dict[str, Any]:
    """The request as one of many: as ``summary``, with its upload. In full, 25 could be more than Lambda answers."""
    return summary(request, image) | {"upload": _upload(upload) if upload else None}


def of_question(asked: Asked) -> dict[str, Any]:
    """A further question's answer, in the same words as a request's."""
    return {
        "request_id": asked.request.id,
        "reference": asked.request.reference,
        "message": _in_words(asked.question, asked.verdict),
        **_asked(asked.question),
        **_answered(asked.verdict),
        "image_hash": asked.request.image_hash,
    }


def debug_data(request: ScanRequest, image: Image | None) -> dict[str, Any]:
    """What helps to see why a request stands as it does; ``image`` is the row that was read, if one had to be."""
    scan = request.answer and request.answer.scan
    return {
        "image_key": request.image_key,
        "scanned_for": request.id if scan and not is_shared(request, scan) else None,  # others' ids are theirs to tell
        "image": {
            "attempts": image.attempts,
            "lease_until": iso_time(image.lease_until) if image.lease_until else None,
            "queued_again_at": iso_time(image.queued_again_at) if image.queued_again_at else None,
            "waits_until": iso_time(image.waits_until) if image.waits_until else None,
            "is_terminal": image.scan is not None,
        }
        if image
        else None,
    }


def stats(totals: "Totals", now: float) -> dict[str, Any]:
    """What was counted by ``now``; every request that is counted has ended."""
    return {
        "images": totals.images,
        "requests": totals.completed + totals.failed,
        "completed": totals.completed,
        "failed": totals.failed,
        "scans": totals.scans,
        "calls_saved": totals.calls_saved,
        "as_of": iso_time(now),
    }


def _asked(question: Question) -> dict[str, Any]:
    return {
        "label": question.labels[0],
        "labels_asked": list(question.labels),
        "match_mode": question.mode,
        "min_confidence": question.min_confidence,
    }


def _answered(verdict: Verdict | None) -> dict[str, Any]:
    findings = verdict.findings if verdict else ()
    missed = [] if verdict and verdict.matched else [finding for finding in findings if not finding.matched]
    return {
        "label_matched": verdict.matched if verdict else None,
        "match": next((_match(finding.match) for finding in findings if finding.match), None),
        "nearest": [_label(label) for label in missed[0].nearest] if missed else [],
        "results": [_result(finding) for finding in findings],
    }


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "label": finding.wanted,
        "matched": finding.matched,
        "match": _match(finding.match) if finding.match else None,
        "nearest": [_label(label) for label in finding.nearest],
    }


def _match(found: Match) -> dict[str, Any]:
    return {
        "label": found.label.name,
        "confidence": found.label.confidence,
        "matched_by": found.matched_by,
        "boxes": [_box(box) for box in found.label.boxes],
    }


def _label(label: Label) -> dict[str, Any]:
    """Written out, because ``asdict`` takes five times as long, and an answer has dozens of labels and boxes."""
    return {
        "name": label.name,
        "confidence": label.confidence,
        "parents": label.parents,
        "aliases": label.aliases,
        "categories": label.categories,
        "boxes": [_box(box) for box in label.boxes],
    }


def _box(box: Box) -> dict[str, Any]:
    return {
        "left": box.left,
        "top": box.top,
        "width": box.width,
        "height": box.height,
        "confidence": box.confidence,
    }


def _upload(upload: Upload) -> dict[str, Any]:
    return {
        "method": "PUT",
        "url": upload.url,
        "headers": dict(upload.headers),
        "expires_at": iso_time(upload.expires_at),
    }


def _message(request: ScanRequest, image: Image | None) -> str:
    if request.answer is None and image and image.waits_until:
        return _PUT_OFF.format(day=iso_time(image.waits_until)[:10])
    if request.answer is None:
        return _AWAITED if request.awaits_upload else _WAITING
    if request.answer.verdict:
        return _in_words(request.question, request.answer.verdict)
    return request.answer.failure.message if request.answer.failure else _WAITING


_WAITING = "The image is waiting to be scanned. Ask again in a moment."
_PUT_OFF = "The image waits for the budget of scans of {day} (UTC), because the one before was spent. Ask again then."
_AWAITED = "The image is waiting for its upload or its scan. Ask again once it is sent."


def _in_words(question: Question, verdict: Verdict) -> str:
    """The verdict as a sentence: it names the labels that decided it."""
    yes_or_no = "Yes" if verdict.matched else "No"
    decided_by_what_is_shown = verdict.matched is not (question.mode is MatchMode.NONE)
    if decided_by_what_is_shown:
        return f"{yes_or_no}: the image shows {', '.join(_shown(each) for each in verdict.findings if each.match)}."
    missed = " and ".join(f"no '{finding.wanted}'" for finding in verdict.findings if not finding.match)
    return f"{yes_or_no}: the image shows {missed} at {question.min_confidence:g} % or more."


def _shown(finding: Finding) -> str:
    found = finding.match
    if found is None:
        raise ValueError(f"{finding.wanted!r} is not shown")
    named = "" if found.matched_by is MatchedBy.NAME else f", found as '{found.label.name}' by its {found.matched_by}"
    return f"'{finding.wanted}' ({found.label.confidence:.1f} %{named})"


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
