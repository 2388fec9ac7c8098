"""Response bodies. Every key is always present. Values that are not known yet are null or an empty list."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from imagescan.api.messages import request_message, verdict_message
from imagescan.domain.feature import OTHER_FEATURES, Feature
from imagescan.domain.image_header import ImageType
from imagescan.domain.image_record import Image, ImageItems, Scan, Status
from imagescan.domain.iso_time import iso_time
from imagescan.domain.labels import Label, most_confident_first
from imagescan.domain.match import Box, Match, Result
from imagescan.domain.question import Question, Verdict
from imagescan.domain.scan_request import (
    Answer,
    FollowUpAnswer,
    ScanRequest,
    Upload,
    answer_reused_by,
    effective_deadline,
    scan_reused_by,
)

if TYPE_CHECKING:
    from imagescan.domain.moderation import ModerationLabel
    from imagescan.domain.stats import FeatureTotals, Totals  # used by one function, so the others need not import it
    from imagescan.domain.text import Polygon, TextLine, TextWord


def request_body(
    request: ScanRequest, items: ImageItems | None = None, upload: Upload | None = None, *, now: float = math.inf
) -> dict[str, Any]:
    """Return a request: confidences in percent, boxes as fractions, times in ISO 8601.

    ``items`` are those of its image while the request is pending. With them, ``now`` (seconds since the epoch) decides
    whether the image is still deferred.
    """
    answer = request.answer
    labels, verdict = (answer.scan(Feature.LABELS), answer.verdict) if answer else (None, None)
    return {
        "request_id": request.id,
        "reference": request.reference,
        "status": answer.status if answer else Status.PENDING,
        "message": request_message(request, items, now),
        **_question_fields(request.question),
        **_verdict_fields(verdict),
        "labels": [_label(label) for label in most_confident_first(_label_findings(labels))] if labels else [],
        **{feature.value: _findings(request, feature) for feature in OTHER_FEATURES},
        "failure": asdict(answer.failure) if answer and answer.failure else None,
        "upload": _upload(upload) if upload else None,
        "image_hash": request.image_hash,
        "created_at": iso_time(request.created_at),
        "deadline": iso_time(effective_deadline(request, items)),
        "completed_at": iso_time(answer.completed_at) if answer else None,
        **_scan_fields(request, answer),
        "model_version": labels.model_version if labels else None,
    }


def _scan_fields(request: ScanRequest, answer: Answer | None) -> dict[str, Any]:
    scanned_at = answer.scanned_at if answer else None
    if answer is None or scanned_at is None:
        return {"scanned_at": None, "scan_reused": None, "reused_by": None, "content_hash": None}
    reused_by = answer_reused_by(request, answer)
    return {
        "scanned_at": iso_time(scanned_at),
        "scan_reused": reused_by is not None,
        "reused_by": reused_by,
        "content_hash": answer.content_hash,
    }


def _label_findings(scan: Scan) -> list[Label]:
    return [finding for finding in scan.findings if isinstance(finding, Label)]


def request_summary(request: ScanRequest, items: ImageItems | None = None, *, now: float) -> dict[str, Any]:
    """Return a request for a list: the body without findings and results."""
    body = request_body(request, items, now=now)
    omitted = {"labels", "closest_labels", "results", "upload", *OTHER_FEATURES}
    return {key: body[key] for key in body if key not in omitted}


def batch_entry_body(
    request: ScanRequest, items: ImageItems | None, upload: Upload | None, *, now: float
) -> dict[str, Any]:
    """Return a request of a batch: the summary with its upload. 25 complete bodies could exceed Lambda's limit."""
    return request_summary(request, items, now=now) | {"upload": _upload(upload) if upload else None}


def follow_up_body(answer: FollowUpAnswer) -> dict[str, Any]:
    """Return the answer to a follow-up question, with the same keys as a request."""
    return {
        "request_id": answer.request.id,
        "reference": answer.request.reference,
        "message": verdict_message(answer.question, answer.verdict),
        **_question_fields(answer.question),
        **_verdict_fields(answer.verdict),
        "image_hash": answer.request.image_hash,
    }


def debug_data(request: ScanRequest, items: ImageItems | None) -> dict[str, Any]:
    """Return what the items of a request and of its image hold. An item that was never leased or is purged is null.

    Keys that do not apply are left out: a lease that is not held, a deferral that never happened. ``image`` is the item
    for the labels. The items of other features have their names.
    """
    found = items or {}
    scans = request.answer.scans if request.answer else ()
    leased_at = [item.first_leased_at for item in found.values() if item.first_leased_at is not None]
    uploaded_at = min(leased_at, default=None) if request.awaits_upload else request.created_at
    is_own_scan = None in [scan_reused_by(request, scan) for scan in scans]
    scanned_at = request.answer.scanned_at if request.answer else None
    return {
        "image_key": request.image_key,
        "file_type": _FILE_TYPES[request.image_key.rpartition(".")[2]],
        "is_direct_upload": request.awaits_upload,
        **({"uploaded_at": iso_time(uploaded_at)} if uploaded_at else {}),
        **({"scanned_at": iso_time(scanned_at)} if scanned_at else {}),
        # the IDs of other requests are not disclosed
        **({"scanned_for": request.id} if is_own_scan else {}),
        "image": _image_debug_data(found.get(Feature.LABELS)),
        **{
            feature.value: _image_debug_data(found.get(feature))
            for feature in OTHER_FEATURES
            if feature in request.features
        },
    }


def _image_debug_data(image: Image | None) -> dict[str, Any] | None:
    if image is None:
        return None
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
        **_avoided(totals),
        "by_feature": {
            feature.value: {"images": each.images, "scans": each.scans, **_avoided(each)}
            for feature, each in totals.by_feature.items()
        },
        "as_of": iso_time(now),
    }


def _avoided(totals: "Totals | FeatureTotals") -> dict[str, Any]:
    """Return the calls that were avoided: all, and those because the bytes or the content of an image were known."""
    return {
        "scans_avoided": totals.scans_avoided + totals.copies,
        "scans_avoided_by": {"bytes": totals.scans_avoided, "content": totals.copies},
    }


def _question_fields(question: Question) -> dict[str, Any]:
    asked = question.asked
    return {
        "label": question.labels[0] if question.labels else None,
        "features": list(question.features),
        "labels_asked": list(question.labels),
        **{f"{feature}_asked": list(asked.get(feature, ())) for feature in OTHER_FEATURES},
        "match_mode": question.mode,
        "min_confidence": question.min_confidence,
    }


def _verdict_fields(verdict: Verdict | None) -> dict[str, Any]:
    results = verdict.results if verdict else ()
    missed = [] if verdict and verdict.matched else [result for result in results if not result.matched]
    return {
        "label_matched": verdict.matched if verdict else None,
        "match": next((_match(result.match) for result in results if result.match), None),
        "closest_labels": _closest(missed[0]) if missed else [],
        "results": [_result(result) for result in results],
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "feature": result.feature,
        "label": result.asked,
        "matched": result.matched,
        "match": _match(result.match) if result.match else None,
        "closest_labels": _closest(result),
    }


def _closest(result: Result) -> list[dict[str, Any]]:
    return [_label(label) for label in result.closest if isinstance(label, Label)]


def _match(match: Match) -> dict[str, Any]:
    return {
        "label": match.finding.name,
        "confidence": match.finding.confidence,
        "matched_by": match.matched_by,
        "boxes": [_box(box) for box in match.finding.boxes],
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


def _findings(request: ScanRequest, feature: Feature) -> dict[str, Any] | None:
    """Return what was found for a feature other than labels, or None if the request does not need the feature."""
    if feature not in request.features:
        return None
    scan = request.answer.scan(feature) if request.answer else None
    name, to_body = _FINDING_BODIES[feature]
    findings = [to_body(finding) for finding in scan.findings] if scan else []
    return {name: findings, "model_version": scan.model_version if scan else None}


def _moderation_label(label: "ModerationLabel") -> dict[str, Any]:
    return {
        "name": label.name,
        "confidence": label.confidence,
        "parents": label.parents,
        "taxonomy_level": label.level,
    }


def _line(line: "TextLine") -> dict[str, Any]:
    return _word(line) | {"words": [_word(word) for word in line.words]}


def _word(word: "TextWord | TextLine") -> dict[str, Any]:
    return {"text": word.text, "confidence": word.confidence, **_position(word.polygon, word.confidence)}


def _position(polygon: "Polygon", confidence: float) -> dict[str, Any]:
    from imagescan.domain.text import bounding_box  # noqa: PLC0415 - most responses contain no text

    box = bounding_box(polygon, confidence)
    return {
        "box": {"left": box.left, "top": box.top, "width": box.width, "height": box.height},
        "polygon": [{"x": x, "y": y} for x, y in polygon],
    }


_FINDING_BODIES: dict[Feature, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    Feature.MODERATION: ("labels", _moderation_label),
    Feature.TEXT: ("lines", _line),
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
