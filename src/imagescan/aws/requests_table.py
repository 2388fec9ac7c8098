"""The requests table: one row for each submission, keyed by request id.

A row that waits carries ``waiting_for``, its image's hash, which puts it into the sparse index ``waiting``; settling
takes it out. A settled row holds its whole answer, so that reading it needs no other row.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.rows import (
    Item,
    Writable,
    batch_get,
    condition_failed,
    failure_attributes,
    failure_in,
    number,
    row_met,
    scan_attributes,
    scan_in,
    text,
    text_in,
)
from imagescan.images import KEY_PREFIX
from imagescan.labels import Finding, Label, Match, MatchedBy, MatchMode, Question, Verdict
from imagescan.requests import Answer, Position, ScanRequest, Status, answer_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WAITING = "waiting"
_BY_TIME = "by_time"
_SHARDS = "0123456789abcdef"  # a request is in that of its id's last digit
_END_OF_TIME = Position(9_999_999_999.0, "~")
_LONGEST_KEY = 2048  # bytes; DynamoDB takes it for an error to look for a longer one, or an empty one


@dataclass(frozen=True, slots=True)
class RequestsTable:
    """``retention_seconds`` is how long after its creation a row is kept; only who puts rows needs it."""

    client: "DynamoDBClient"
    name: str
    retention_seconds: int = 0

    def get(self, request_id: str) -> ScanRequest | None:
        """The row, strongly read."""
        if not _may_be_id(request_id):
            return None
        answer = self.client.get_item(TableName=self.name, Key=_key(request_id), ConsistentRead=True)
        return request_in(answer["Item"]) if "Item" in answer else None

    def put(self, request: ScanRequest) -> ScanRequest:
        """Store the request, unless there is one of this id; the one that is there then.

        One is there when this very call stored it and its first answer was lost, or under a repeated idempotency key.
        """
        try:
            self.client.put_item(
                TableName=self.name,
                Item=self._item(request),
                ConditionExpression="attribute_not_exists(request_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return request_in(row_met(error))
        return request

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        """The rows of at most 100 requests, strongly read; those that have none are left out."""
        wanted = filter(_may_be_id, dict.fromkeys(request_ids))
        items = batch_get(self.client, self.name, [_key(request_id) for request_id in wanted])
        return {request.id: request for request in map(request_in, items)}

    def delete(self, request_id: str) -> None:
        """Delete the row, if it is there."""
        self.client.delete_item(TableName=self.name, Key=_key(request_id))

    def newest(self, owner: str | None, before: Position | None, since: float, limit: int) -> list[Position]:
        """The positions of the owner's newest requests, made from ``since`` on, and before that position; newest first.

        The index is spread over ``_SHARDS``, so that no one partition of it takes every write.
        """
        oldest, newest = str(Position(min(since, _END_OF_TIME.made), "")), str(before or _END_OF_TIME)
        if oldest > newest:  # which DynamoDB takes for an error
            return []

        def of_shard(shard: str) -> list[Position]:
            answer = self.client.query(
                TableName=self.name,
                IndexName=_BY_TIME,
                KeyConditionExpression="list_shard = :shard AND list_position BETWEEN :oldest AND :newest",
                ExpressionAttributeValues={
                    ":shard": text(_list_shard(owner, shard)),
                    ":oldest": text(oldest),
                    ":newest": text(newest),
                },
                ScanIndexForward=False,
                Limit=limit + 1,  # BETWEEN includes the position itself
            )
            return [Position.parse(item["list_position"]["S"]) for item in answer["Items"]]

        with ThreadPoolExecutor(len(_SHARDS)) as pool:
            found = [position for shard in pool.map(of_shard, _SHARDS) for position in shard if position != before]
        return sorted(found, reverse=True)[:limit]

    def waiting_for(self, image_hash: str) -> Iterator[ScanRequest]:
        """The requests that wait for the image, as the index knows them; a page is read when it is wanted."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=_WAITING,
            KeyConditionExpression="waiting_for = :hash",
            ExpressionAttributeValues={":hash": text(image_hash)},
        )
        return (request_in(item) for page in pages for item in page["Items"])

    def all_waiting(self) -> Iterator[ScanRequest]:
        """Every request that waits, as the index knows them; a page is read when it is wanted."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, IndexName=_WAITING)
        return (request_in(item) for page in pages for item in page["Items"])

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        """Write these answers (at most 25), each only where its request still waits.

        In one call; when a row of them was settled or is being settled by somebody else, one by one.
        """
        updates = [self._settling(request) for request in requests]
        if len(updates) > 1:
            try:
                self.client.transact_write_items(TransactItems=[{"Update": update} for update in updates])
                return
            except self.client.exceptions.TransactionCanceledException:
                pass  # one row stood against all of them
        for update in updates:
            self._settle_one(update)

    def _settle_one(self, update: Any) -> None:
        try:
            self.client.update_item(**update)
        except ClientError as error:
            if not condition_failed(error):  # otherwise it was settled before
                raise

    def _item(self, request: ScanRequest) -> Writable:
        question = request.question
        return {
            **_key(request.id),
            "list_shard": text(_list_shard(request.owner, request.id[-1])),
            "list_position": text(str(Position.of(request))),
            "image_hash": text(request.image_hash),
            "extension": text(request.image_key.rpartition(".")[2]),
            "labels_asked": {"L": [text(label) for label in question.labels]},
            "match_mode": text(question.mode),
            "min_confidence": number(question.min_confidence),
            "created_at": number(request.created_at),
            "deadline": number(request.deadline),
            "expires_at": number(int(request.created_at) + self.retention_seconds),
            **({"awaits_upload": {"BOOL": True}} if request.awaits_upload else {}),
            **({"reference": text(request.reference)} if request.reference is not None else {}),
            **({"fingerprint": text(request.fingerprint)} if request.fingerprint else {}),
            **({"owner": text(request.owner)} if request.owner else {}),
            **(_answer_attributes(request.answer) if request.answer else _waiting_attributes(request)),
        }

    def _settling(self, request: ScanRequest) -> Any:
        attributes = {**_answer_attributes(answer_of(request)), "deadline": number(request.deadline)}
        return {
            "TableName": self.name,
            "Key": _key(request.id),
            "ConditionExpression": "#status = :pending",
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in attributes) + " REMOVE waiting_for",
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {":pending": text(Status.PENDING)}
            | {f":{name}": value for name, value in attributes.items()},
        }


def _may_be_id(sent: str) -> bool:
    # Ids are made of ASCII, and half a character of another alphabet cannot even be written into a call.
    return sent.isascii() and 0 < len(sent) <= _LONGEST_KEY


def _key(request_id: str) -> dict[str, Any]:
    return {"request_id": text(request_id)}


def request_in(item: Item) -> ScanRequest:
    """The request that a row holds."""
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
        reference=text_in(item, "reference"),
        fingerprint=text_in(item, "fingerprint"),
        owner=text_in(item, "owner"),
        answer=_answer(item) if "completed_at" in item else None,
    )


def _image_key(item: Item) -> str:
    """It is the hash with an extension, and stored as that; rows from before that was so have it in full."""
    return text_in(item, "image_key") or f"{KEY_PREFIX}{item['image_hash']['S']}.{item['extension']['S']}"


def _list_shard(owner: str | None, digit: str) -> str:
    return f"{owner or ''}/{digit}"


def _waiting_attributes(request: ScanRequest) -> Writable:
    return {"status": text(Status.PENDING), "waiting_for": text(request.image_hash)}


def _answer_attributes(answer: Answer) -> Writable:
    return {
        **(scan_attributes(answer.scan) if answer.scan else {}),
        "status": text(answer.status),
        "completed_at": number(answer.completed_at),
        **failure_attributes(answer.failure),
        **(_verdict_attributes(answer.verdict) if answer.verdict else {}),
    }


def _answer(item: Item) -> Answer:
    scan = scan_in(item)
    return Answer(
        status=Status(item["status"]["S"]),
        completed_at=float(item["completed_at"]["N"]),
        scan=scan,
        verdict=_verdict(item, scan.labels) if scan and "label_matched" in item else None,
        failure=failure_in(item),
    )


def _verdict_attributes(verdict: Verdict) -> Writable:
    """The verdict by the names of its labels, which stand in full beside it."""
    findings = [_plain(finding) for finding in verdict.findings]
    return {"label_matched": {"BOOL": verdict.matched}, "findings": text(json.dumps(findings, separators=(",", ":")))}


def _plain(finding: Finding) -> list[Any]:
    found = finding.match
    nearest = [label.name for label in finding.nearest]
    return [finding.wanted, found and found.label.name, found and found.matched_by, nearest]


def _verdict(item: Item, labels: tuple[Label, ...]) -> Verdict:
    named = {label.name: label for label in labels}
    findings = json.loads(item["findings"]["S"])
    return Verdict(item["label_matched"]["BOOL"], tuple(_finding(named, *fields) for fields in findings))


def _finding(
    named: dict[str, Label], wanted: str, label: str | None, matched_by: str | None, nearest: list[str]
) -> Finding:
    found = Match(named[label], MatchedBy(matched_by)) if label and matched_by else None
    return Finding(wanted, found, tuple(named[name] for name in nearest))
