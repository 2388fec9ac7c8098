"""Encodes and decodes the items of the requests table."""

import json
from typing import Any

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
from imagescan.domain.image import KEY_PREFIX, UPLOAD_PREFIX
from imagescan.domain.image_record import Status
from imagescan.domain.labels import Label
from imagescan.domain.question import LabelResult, Match, MatchedBy, MatchMode, Question, Verdict
from imagescan.domain.scan_request import Answer, DeletedRequest, ScanRequest

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
        "labels_asked": {"L": [string_attribute(label) for label in question.labels]},
        "match_mode": string_attribute(question.mode),
        "min_confidence": number_attribute(question.min_confidence),
        "created_at": number_attribute(request.created_at),
        "deadline": number_attribute(request.deadline),
        "expires_at": number_attribute(int(request.created_at) + retention_seconds),
        **({"awaits_upload": {"BOOL": True}} if request.awaits_upload else {}),
        **({"reference": string_attribute(request.reference)} if request.reference is not None else {}),
        **({"payload_hash": string_attribute(request.payload_hash)} if request.payload_hash else {}),
        **({"owner": string_attribute(request.owner)} if request.owner else {}),
        **(answer_attributes(request.answer) if request.answer else _pending_attributes(request)),
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


def answer_attributes(answer: Answer) -> WritableItem:
    """Return the attributes of a settled request."""
    return {
        **(scan_attributes(answer.scan) if answer.scan else {}),
        "status": string_attribute(answer.status),
        "completed_at": number_attribute(answer.completed_at),
        **failure_attributes(answer.failure),
        **(_verdict_attributes(answer.verdict) if answer.verdict else {}),
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
            labels=tuple(label["S"] for label in item["labels_asked"]["L"]),
            min_confidence=float(item["min_confidence"]["N"]),
            mode=MatchMode(item["match_mode"]["S"]),
        ),
        created_at=float(item["created_at"]["N"]),
        deadline=float(item["deadline"]["N"]),
        awaits_upload="awaits_upload" in item,
        reference=get_text(item, "reference"),
        payload_hash=get_text(item, "payload_hash"),
        owner=get_text(item, "owner"),
        answer=_answer(item) if "completed_at" in item else None,
    )


def _image_key(item: Item) -> str:
    folder = f"{UPLOAD_PREFIX}{item['request_id']['S']}/" if "awaits_upload" in item else KEY_PREFIX
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
    scan = scan_from_item(item)
    return Answer(
        status=Status(item["status"]["S"]),
        completed_at=float(item["completed_at"]["N"]),
        scan=scan,
        verdict=_verdict(item, scan.labels) if scan and "label_matched" in item else None,
        failure=failure_from_item(item),
    )


def _verdict_attributes(verdict: Verdict) -> WritableItem:
    """Return the verdict with the names of its labels, which the same item holds in full."""
    results = [_to_list(result) for result in verdict.results]
    return {
        "label_matched": {"BOOL": verdict.matched},
        "results": string_attribute(json.dumps(results, separators=(",", ":"))),
    }


def _to_list(result: LabelResult) -> list[Any]:
    match = result.match
    closest = [label.name for label in result.closest_labels]
    return [result.label, match and match.label.name, match and match.matched_by, closest]


def _verdict(item: Item, labels: tuple[Label, ...]) -> Verdict:
    by_name = {label.name: label for label in labels}
    results = json.loads(item["results"]["S"])
    return Verdict(item["label_matched"]["BOOL"], tuple(_from_list(by_name, *fields) for fields in results))


def _from_list(
    by_name: dict[str, Label], requested: str, label: str | None, matched_by: str | None, closest: list[str]
) -> LabelResult:
    match = Match(by_name[label], MatchedBy(matched_by)) if label and matched_by else None
    return LabelResult(requested, match, tuple(by_name[name] for name in closest))
