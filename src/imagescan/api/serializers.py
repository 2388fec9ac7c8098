"""Response bodies. Every key is always present. Values that are not known yet are null or an empty list."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, Status
from imagescan.domain.iso_time import iso_time
from imagescan.domain.labels import Box, Label, most_confident_first
from imagescan.domain.question import LabelResult, Match, MatchedBy, MatchMode, Question, Verdict
from imagescan.domain.scan_request import FollowUpAnswer, ScanRequest, Upload, effective_deadline, is_reused_scan

if TYPE_CHECKING:
    from imagescan.domain.stats import Totals  # used by one function, so the others need not import it


def request_body(
    request: ScanRequest, image: Image | None = None, upload: Upload | None = None, *, now: float = math.inf
) -> dict[str, Any]:
    """Return a request: confidences in percent, boxes as fractions, times in ISO 8601.

    ``image`` is the item of its image while the request is pending. With it, ``now`` (seconds since the epoch) decides
    whether the image is still deferred.
    """
    answer = request.answer
    scan, verdict = (answer.scan, answer.verdict) if answer else (None, None)
    return {
        "request_id": request.id,
        "reference": request.reference,
        "status": answer.status if answer else Status.PENDING,
        "message": _message(request, image, now),
        **_question_fields(request.question),
        **_verdict_fields(verdict),
        "labels": [_label(label) for label in most_confident_first(scan.labels)] if scan else [],
        "failure": asdict(answer.failure) if answer and answer.failure else None,
        "upload": _upload(upload) if upload else None,
        "image_hash": request.image_hash,
        "created_at": iso_time(request.created_at),
        "deadline": iso_time(effective_deadline(request, image)),
        "completed_at": iso_time(answer.completed_at) if answer else None,
        "scanned_at": iso_time(scan.finished_at) if scan else None,
        "model_version": scan.model_version if scan else None,
        "scan_reused": is_reused_scan(request, scan) if scan else None,
    }


def request_summary(request: ScanRequest, image: Image | None = None, *, now: float) -> dict[str, Any]:
    """Return a request for a list: the body without labels and results."""
    body = request_body(request, image, now=now)
    return {key: body[key] for key in body if key not in {"labels", "closest_labels", "results", "upload"}}


def batch_entry_body(request: ScanRequest, image: Image | None, upload: Upload | None, *, now: float) -> dict[str, Any]:
    """Return a request of a batch: the summary with its upload. 25 complete bodies could exceed Lambda's limit."""
    return request_summary(request, image, now=now) | {"upload": _upload(upload) if upload else None}


def follow_up_body(answer: FollowUpAnswer) -> dict[str, Any]:
    """Return the answer to a follow-up question, with the same keys as a request."""
    return {
        "request_id": answer.request.id,
        "reference": answer.request.reference,
        "message": _verdict_sentence(answer.question, answer.verdict),
        **_question_fields(answer.question),
        **_verdict_fields(answer.verdict),
        "image_hash": answer.request.image_hash,
    }


def debug_data(request: ScanRequest, image: Image | None) -> dict[str, Any]:
    """Return what the items of a request and of its image hold. ``image`` is null if it was never leased or is purged.

    Keys that do not apply are left out: a lease that is not held, a deferral that never happened.
    """
    scan = request.answer.scan if request.answer else None
    uploaded_at = (image.first_leased_at if image else None) if request.awaits_upload else request.created_at
    return {
        "image_key": request.image_key,
        "file_type": _FILE_TYPES[request.image_key.rpartition(".")[2]],
        "is_direct_upload": request.awaits_upload,
        **({"uploaded_at": iso_time(uploaded_at)} if uploaded_at else {}),
        **({"scanned_at": iso_time(scan.finished_at)} if scan else {}),
        # the IDs of other requests are not disclosed
        **({"scanned_for": request.id} if scan and not is_reused_scan(request, scan) else {}),
        "image": _image_debug_data(image) if image else None,
    }


def _image_debug_data(image: Image) -> dict[str, Any]:
    times = {
        "first_leased_at": image.first_leased_at,
        "lease_until": image.lease_until,
        "requeued_at": image.requeued_at,
        "deferred_until": image.deferred_until,
        "not_before": image.not_before,
        "scan_finished_at": image.scan.finished_at if image.scan else None,
    }
    return {
        "attempts": image.attempts,
        "is_terminal": image.scan is not None,
        **{name: iso_time(at) for name, at in times.items() if at is not None},
        **({"exhausted_at": [iso_time(at) for at in image.exhausted_at]} if image.exhausted_at else {}),
        **({"is_exhausted": True} if image.is_exhausted else {}),
    }


_FILE_TYPES = {"jpg": ImageType.JPEG, "png": ImageType.PNG}


def stats_body(totals: "Totals", now: float) -> dict[str, Any]:
    """Return the counters as of ``now``. Every counted request is finished."""
    return {
        "images": totals.images,
        "requests": totals.completed + totals.failed,
        "completed": totals.completed,
        "failed": totals.failed,
        "scans": totals.scans,
        "scans_avoided": totals.scans_avoided,
        "as_of": iso_time(now),
    }


def _question_fields(question: Question) -> dict[str, Any]:
    return {
        "label": question.labels[0],
        "labels_asked": list(question.labels),
        "match_mode": question.mode,
        "min_confidence": question.min_confidence,
    }


def _verdict_fields(verdict: Verdict | None) -> dict[str, Any]:
    results = verdict.results if verdict else ()
    missed = [] if verdict and verdict.matched else [result for result in results if not result.matched]
    return {
        "label_matched": verdict.matched if verdict else None,
        "match": next((_match(result.match) for result in results if result.match), None),
        "closest_labels": [_label(label) for label in missed[0].closest_labels] if missed else [],
        "results": [_result(result) for result in results],
    }


def _result(result: LabelResult) -> dict[str, Any]:
    return {
        "label": result.label,
        "matched": result.matched,
        "match": _match(result.match) if result.match else None,
        "closest_labels": [_label(label) for label in result.closest_labels],
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        "label": match.label.name,
        "confidence": match.label.confidence,
        "matched_by": match.matched_by,
        "boxes": [_box(box) for box in match.label.boxes],
    }


def _label(label: Label) -> dict[str, Any]:
    """Return a label. ``asdict`` would take five times as long, and a response has dozens of labels and boxes."""
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


_PENDING = "The image has not been scanned yet. Retry shortly."
_DEFERRED = "The daily scan limit was reached. The image will be scanned on {day} (UTC)."
_AWAITS_UPLOAD = "Waiting for the image upload or its scan. Upload the image if you have not done so."


def _message(request: ScanRequest, image: Image | None, now: float) -> str:
    if request.answer is None and image and image.deferred_until and image.is_deferred(now):
        return _DEFERRED.format(day=iso_time(image.deferred_until)[:10])
    if request.answer is None:
        return _AWAITS_UPLOAD if request.awaits_upload else _PENDING
    if request.answer.verdict:
        return _verdict_sentence(request.question, request.answer.verdict)
    return request.answer.failure.message if request.answer.failure else _PENDING


def _verdict_sentence(question: Question, verdict: Verdict) -> str:
    """Return the verdict as a sentence that names the labels that decided it."""
    yes_or_no = "Yes" if verdict.matched else "No"
    if verdict.matched is not (question.mode is MatchMode.NONE):
        matches = [_found(result.label, result.match) for result in verdict.results if result.match]
        return f"{yes_or_no}: the image contains {', '.join(matches)}."
    missed = [f"'{result.label}'" for result in verdict.results if not result.match]
    were = "was" if len(missed) == 1 else "were"
    names = missed[0] if len(missed) == 1 else f"{', '.join(missed[:-1])} and {missed[-1]}"
    return f"{yes_or_no}: {names} {were} not found with a confidence of {question.min_confidence:g}% or higher."


def _found(requested: str, match: Match) -> str:
    kind = "" if match.matched_by is MatchedBy.NAME else f", matched '{match.label.name}' by {match.matched_by}"
    return f"'{requested}' ({match.label.confidence:.1f}%{kind})"
