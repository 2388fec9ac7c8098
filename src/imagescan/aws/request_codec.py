"""Encodes and decodes the items of the requests table."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagescan.aws.items import (
    MALFORMED_ITEM_ERRORS,
    Item,
    WritableItem,
    failure_attributes,
    failure_from_item,
    get_text,
    number_attribute,
    scan_attributes,
    scan_from_item,
    string_attribute,
)
from imagescan.domain.cursor import ListPosition
from imagescan.domain.feature import Feature
from imagescan.domain.image import KEY_PREFIX, UPLOAD_PREFIX
from imagescan.domain.image_record import Scan, Status
from imagescan.domain.match import Match, MatchedBy, Result
from imagescan.domain.question import MatchMode, Question, Verdict
from imagescan.domain.scan_request import Answer, DeletedRequest, ScanRequest, require_answer

if TYPE_CHECKING:
    from imagescan.domain.match import Finding

_DELETED = "deleted"


def request_item(request: ScanRequest, retention_seconds: int) -> WritableItem:
    """Return the item of a request, which expires ``retention_seconds`` after its creation."""
    question = request.question
    return {
        **request_key(request.id),
        "list_shard": string_attribute(list_shard(request.owner, request.id[-1])),
        "list_position": string_attribute(str(ListPosition.of(request))),
        "image_hash": string_attribute(request.image_hash),
        "extension": string_attribute(request.image_key.rpartition(".")[2]),
        "labels_asked": _texts_attribute(question.labels),
        **{_asked_name(feature): _texts_attribute(asked) for feature, asked in question.others},
        "match_mode": string_attribute(question.mode),
        "min_confidence": number_attribute(question.min_confidence),
        "created_at": number_attribute(request.created_at),
        "deadline": number_attribute(request.deadline),
        "expires_at": number_attribute(int(request.created_at) + retention_seconds),
        **({"awaits_upload": {"BOOL": True}} if request.awaits_upload else {}),
        **({"has_own_object": {"BOOL": True}} if request.has_own_object and not request.awaits_upload else {}),
        **({"reference": string_attribute(request.reference)} if request.reference is not None else {}),
        **({"payload_hash": string_attribute(request.payload_hash)} if request.payload_hash else {}),
        **({"owner": string_attribute(request.owner)} if request.owner else {}),
        **(answer_attributes(request) if request.answer else _pending_attributes(request)),
    }


def deleted_item(request: ScanRequest, expires_at: float) -> WritableItem:
    """Return the item that replaces a deleted request. Without further attributes, no index contains it."""
    return {
        **request_key(request.id),
        "status": string_attribute(_DELETED),
        "expires_at": number_attribute(int(expires_at)),
    }


def request_key(request_id: str) -> dict[str, Any]:
    return {"request_id": string_attribute(request_id)}


def list_shard(owner: str | None, digit: str) -> str:
    """Return the index partition of the owner's requests whose IDs end in this digit."""
    return f"{owner or ''}/{digit}"


def answer_attributes(request: ScanRequest) -> WritableItem:
    """Return the attributes of a settled request.

    The attributes of the scan are those of the item if the request is for labels only. Otherwise, each scan is a map.
    """
    answer = require_answer(request)
    is_flat = request.features == (Feature.LABELS,)
    return {
        **{name: value for scan in answer.scans if is_flat for name, value in scan_attributes(scan).items()},
        **{_scan_name(scan.feature): {"M": scan_attributes(scan)} for scan in answer.scans if not is_flat},
        "status": string_attribute(answer.status),
        "completed_at": number_attribute(answer.completed_at),
        **failure_attributes(answer.failure),
        **(_verdict_attributes(answer.verdict, answer.scans) if answer.verdict else {}),
    }


def stored_request_from_item(item: Item) -> ScanRequest | DeletedRequest:
    """Return the request, or what remains of it after its deletion."""
    if item["status"]["S"] == _DELETED:
        return DeletedRequest(item["request_id"]["S"])
    return request_from_item(item)


def request_from_item(item: Item) -> ScanRequest:
    return ScanRequest(
        id=item["request_id"]["S"],
        image_hash=item["image_hash"]["S"],
        image_key=_image_key(item),
        question=Question(
            labels=_texts(item, "labels_asked"),
            min_confidence=float(item["min_confidence"]["N"]),
            mode=MatchMode(item["match_mode"]["S"]),
            others=tuple(
                (feature, _texts(item, name)) for feature in Feature if (name := _asked_name(feature)) in item
            ),
        ),
        created_at=float(item["created_at"]["N"]),
        deadline=float(item["deadline"]["N"]),
        awaits_upload="awaits_upload" in item,
        reference=get_text(item, "reference"),
        payload_hash=get_text(item, "payload_hash"),
        owner=get_text(item, "owner"),
        answer=_answer(item) if "completed_at" in item else None,
    )


def _asked_name(feature: Feature) -> str:
    """Return the attribute with what is asked of a feature. ``labels_asked`` is that of requests for labels."""
    return f"asked_of_{feature}"


def _scan_name(feature: Feature) -> str:
    return f"scan_{feature}"


def _texts_attribute(texts: Sequence[str]) -> Any:
    return {"L": [string_attribute(text) for text in texts]}


def _texts(item: Item, name: str) -> tuple[str, ...]:
    return tuple(text["S"] for text in item[name]["L"])


def _image_key(item: Item) -> str:
    has_own_object = "awaits_upload" in item or "has_own_object" in item
    folder = f"{UPLOAD_PREFIX}{item['request_id']['S']}/" if has_own_object else KEY_PREFIX
    return f"{folder}{item['image_hash']['S']}.{item['extension']['S']}"


def try_request_from_item(item: Item) -> ScanRequest | None:
    """Return the request, or None if the item is malformed."""
    try:
        return request_from_item(item)
    except MALFORMED_ITEM_ERRORS:
        return None


def _pending_attributes(request: ScanRequest) -> WritableItem:
    return {"status": string_attribute(Status.PENDING), "waiting_for": string_attribute(request.image_hash)}


def _answer(item: Item) -> Answer:
    scans = _scans(item)
    findings = {scan.feature: scan.findings for scan in scans}
    return Answer(
        status=Status(item["status"]["S"]),
        completed_at=float(item["completed_at"]["N"]),
        scans=scans,
        verdict=_verdict(item, findings) if "results" in item else None,
        failure=failure_from_item(item),
    )


def _scans(item: Item) -> tuple[Scan, ...]:
    """Return the scans in the order of the features."""
    maps = [(feature, item[name]["M"]) for feature in Feature if (name := _scan_name(feature)) in item]
    scans = [scan_from_item(item), *(scan_from_item(attributes, feature) for feature, attributes in maps)]
    return tuple(scan for scan in scans if scan)


def _verdict_attributes(verdict: Verdict, scans: Sequence[Scan]) -> WritableItem:
    """Return the verdict with references to its findings, which the same item holds in full."""
    findings = {scan.feature: scan.findings for scan in scans}
    results = [_to_list(result, findings[result.feature]) for result in verdict.results]
    return {
        **({"label_matched": {"BOOL": verdict.matched}} if verdict.matched is not None else {}),
        "results": string_attribute(json.dumps(results, ensure_ascii=False, separators=(",", ":"))),
    }


def _to_list(result: Result, findings: "Sequence[Finding]") -> list[Any]:
    """Return what was asked, the finding that matches and how, the closest ones, and the feature.

    Labels are referred to by their names, and the feature is omitted for them. Other findings are referred to by their
    positions.
    """
    match = result.match
    closest = [finding.name for finding in result.closest]
    if result.feature == Feature.LABELS:
        return [result.asked, match and match.finding.name, match and match.matched_by, closest]
    return [result.asked, match and findings.index(match.finding), match and match.matched_by, closest, result.feature]


def _verdict(item: Item, findings: "dict[Feature, tuple[Finding, ...]]") -> Verdict:
    labels: dict[Any, Finding] = {label.name: label for label in findings.get(Feature.LABELS, ())}
    found = {feature: dict(enumerate(each)) for feature, each in findings.items()}
    results = json.loads(item["results"]["S"])
    matched = item["label_matched"]["BOOL"] if "label_matched" in item else None
    return Verdict(matched, tuple(_from_list({**found, Feature.LABELS: labels}, fields) for fields in results))


def _from_list(found: "dict[Feature, dict[Any, Finding]]", fields: list[Any]) -> Result:
    asked, finding, matched_by, closest, *other = fields
    feature = Feature(*other) if other else Feature.LABELS
    match = Match(found[feature][finding], MatchedBy(matched_by)) if matched_by else None
    return Result(asked, match, tuple(found[feature][name] for name in closest), feature)
