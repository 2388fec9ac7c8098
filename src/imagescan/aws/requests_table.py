"""The requests table: one row for each submission, keyed by request id.

A row that waits carries ``waiting_for``, its image's hash, which puts it into the sparse index ``waiting``; settling
takes it out. A settled row holds its whole answer, so that reading it needs no other row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.rows import (
    Item,
    Writable,
    condition_failed,
    failure_attributes,
    failure_in,
    number,
    scan_attributes,
    scan_in,
    text,
)
from imagescan.labels import Label, Match, MatchedBy, Verdict
from imagescan.requests import Answer, ScanRequest, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_INDEX = "waiting"


@dataclass(frozen=True, slots=True)
class RequestsTable:
    """``retention_seconds`` is how long after its creation a row is kept; only who puts rows needs it."""

    client: "DynamoDBClient"
    name: str
    retention_seconds: int = 0

    def get(self, request_id: str) -> ScanRequest | None:
        """The row, strongly read."""
        answer = self.client.get_item(TableName=self.name, Key=_key(request_id), ConsistentRead=True)
        return _request(answer["Item"]) if "Item" in answer else None

    def put(self, request: ScanRequest) -> None:
        """Store a new request. One that is there already was stored by this very call, whose first answer was lost."""
        waiting = {} if request.answer else {"status": text(Status.PENDING), "waiting_for": text(request.image_hash)}
        item: Writable = {
            **_key(request.id),
            "image_hash": text(request.image_hash),
            "image_key": text(request.image_key),
            "label": text(request.label),
            "min_confidence": number(request.min_confidence),
            "created_at": number(request.created_at),
            "deadline": number(request.deadline),
            "expires_at": number(int(request.created_at) + self.retention_seconds),
            **waiting,
            **(_answer_attributes(request.answer) if request.answer else {}),
        }
        try:
            self.client.put_item(TableName=self.name, Item=item, ConditionExpression="attribute_not_exists(request_id)")
        except ClientError as error:
            if not condition_failed(error):
                raise

    def waiting_for(self, image_hash: str) -> Iterator[ScanRequest]:
        """The requests that wait for the image, as the index knows them; a page is read when it is wanted."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=_INDEX,
            KeyConditionExpression="waiting_for = :hash",
            ExpressionAttributeValues={":hash": text(image_hash)},
        )
        return (_request(item) for page in pages for item in page["Items"])

    def all_waiting(self) -> Iterator[ScanRequest]:
        """Every request that waits, as the index knows them; a page is read when it is wanted."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, IndexName=_INDEX)
        return (_request(item) for page in pages for item in page["Items"])

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

    def _settling(self, request: ScanRequest) -> Any:
        if request.answer is None:
            raise ValueError(f"request {request.id} has no answer to write")
        attributes = _answer_attributes(request.answer)
        return {
            "TableName": self.name,
            "Key": _key(request.id),
            "ConditionExpression": "#status = :pending",
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in attributes) + " REMOVE waiting_for",
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {":pending": text(Status.PENDING)}
            | {f":{name}": value for name, value in attributes.items()},
        }


def _key(request_id: str) -> dict[str, Any]:
    return {"request_id": text(request_id)}


def _request(item: Item) -> ScanRequest:
    return ScanRequest(
        id=item["request_id"]["S"],
        image_hash=item["image_hash"]["S"],
        image_key=item["image_key"]["S"],
        label=item["label"]["S"],
        min_confidence=float(item["min_confidence"]["N"]),
        created_at=float(item["created_at"]["N"]),
        deadline=float(item["deadline"]["N"]),
        answer=_answer(item) if "completed_at" in item else None,
    )


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
    if verdict.match is None:
        return {"label_matched": {"BOOL": False}, "nearest": {"L": [text(label.name) for label in verdict.nearest]}}
    return {
        "label_matched": {"BOOL": True},
        "matched_label": text(verdict.match.label.name),
        "matched_by": text(verdict.match.matched_by),
    }


def _verdict(item: Item, labels: tuple[Label, ...]) -> Verdict:
    named = {label.name: label for label in labels}
    if not item["label_matched"]["BOOL"]:
        return Verdict(None, tuple(named[name["S"]] for name in item["nearest"]["L"]))
    return Verdict(Match(named[item["matched_label"]["S"]], MatchedBy(item["matched_by"]["S"])))
