"""The requests table: one item per request, keyed by request ID.

A pending item carries ``waiting_for``, the hash of its image, which puts it into the sparse index ``pending_by_image``.
Settling removes it from there. A settled item holds the complete answer, so that reading it needs no other item.
A deleted request leaves an item with the status ``deleted`` under its ID.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.items import batch_get, existing_item, number_attribute, string_attribute, try_conditional_write
from imagescan.aws.request_codec import (
    answer_attributes,
    deleted_item,
    list_shard,
    request_item,
    request_key,
    stored_request_from_item,
    try_request_from_item,
)
from imagescan.domain.cursor import ListPosition
from imagescan.domain.image_record import Status
from imagescan.domain.policy import DAY_SECONDS
from imagescan.domain.scan_request import DeletedRequest, PendingPage, ScanRequest, exists

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PENDING_INDEX = "pending_by_image"
_CREATED_AT_INDEX = "by_created_at"
_SHARDS = "0123456789abcdef"  # the shard of a request is the last digit of its ID
_MAX_POSITION = ListPosition(9_999_999_999.0, "~")
_PAGE_SIZE = 100  # limit of BatchGetItem, which reads the images of a page
_TRANSACTION_ERRORS = frozenset({"TransactionCanceledException", "ValidationException"})
"""One item prevents the whole transaction, or the items are too large for it."""
_MAX_KEY_BYTES = 2048  # DynamoDB rejects longer and empty keys


@dataclass(frozen=True, slots=True)
class RequestsTable:
    """``retention_seconds`` is the time after creation at which an item expires. Only writes of requests need it."""

    client: "DynamoDBClient"
    name: str
    retention_seconds: int = 0

    def get(self, request_id: str) -> ScanRequest | None:
        """Return the request using a consistent read. Return None if it does not exist or was deleted."""
        found = self.find(request_id)
        return found if exists(found) else None

    def find(self, request_id: str) -> ScanRequest | DeletedRequest | None:
        """Return the request, or what remains of it after its deletion, using a consistent read."""
        if not _is_valid_id(request_id):
            return None
        response = self.client.get_item(TableName=self.name, Key=request_key(request_id), ConsistentRead=True)
        return stored_request_from_item(response["Item"]) if "Item" in response else None

    def put(self, request: ScanRequest) -> ScanRequest | DeletedRequest:
        """Store the request unless its ID exists or was deleted, and return what is stored.

        The ID exists if the response of this very write was lost, or if an idempotency key was repeated.
        """
        try:
            self.client.put_item(
                TableName=self.name,
                Item=request_item(request, self.retention_seconds),
                ConditionExpression="attribute_not_exists(request_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return stored_request_from_item(existing_item(error))
        return request

    def get_many(self, request_ids: Sequence[str]) -> dict[str, ScanRequest]:
        """Return the items of at most 100 requests using consistent reads. Missing items are left out."""
        valid = filter(_is_valid_id, dict.fromkeys(request_ids))
        items = batch_get(self.client, self.name, [request_key(request_id) for request_id in valid])
        stored = map(stored_request_from_item, items)
        return {request.id: request for request in stored if exists(request)}

    def delete(self, request: ScanRequest, now: float) -> None:
        """Replace the request by an item that only records its deletion.

        It expires at the time at which the request would have, but not within a day.
        """
        expires_at = max(request.created_at + self.retention_seconds, now + DAY_SECONDS)
        self.client.put_item(TableName=self.name, Item=deleted_item(request, expires_at))

    def newest(self, owner: str | None, before: ListPosition | None, since: float, limit: int) -> list[ListPosition]:
        """Return the positions of the owner's newest requests, created since that time and before that position.

        The index is spread over ``_SHARDS``, so that no single partition receives every write.
        """
        oldest = str(ListPosition(min(since, _MAX_POSITION.created_at), ""))
        newest = str(before or _MAX_POSITION)
        if oldest > newest:  # DynamoDB rejects an empty range
            return []

        def query(shard: str) -> list[ListPosition]:
            response = self.client.query(
                TableName=self.name,
                IndexName=_CREATED_AT_INDEX,
                KeyConditionExpression="list_shard = :shard AND list_position BETWEEN :oldest AND :newest",
                ExpressionAttributeValues={
                    ":shard": string_attribute(list_shard(owner, shard)),
                    ":oldest": string_attribute(oldest),
                    ":newest": string_attribute(newest),
                },
                ScanIndexForward=False,
                Limit=limit + 1,  # BETWEEN includes the position itself
            )
            return [ListPosition.parse(item["list_position"]["S"]) for item in response["Items"]]

        with ThreadPoolExecutor(len(_SHARDS)) as pool:
            found = [position for page in pool.map(query, _SHARDS) for position in page if position != before]
        return sorted(found, reverse=True)[:limit]

    def pending_for_image(self, image_hash: str) -> Iterator[ScanRequest]:
        """Return the requests that wait for the image, as the index shows them, read page by page.

        Malformed items are left out. The sweeper reports them.
        """
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=_PENDING_INDEX,
            KeyConditionExpression="waiting_for = :hash",
            ExpressionAttributeValues={":hash": string_attribute(image_hash)},
        )
        decoded = (try_request_from_item(item) for page in pages for item in page["Items"])
        return (request for request in decoded if request)

    def pending_pages(self, start: str | None) -> Iterator[PendingPage]:
        """Return the pending requests from position ``start``, as the index shows them, at most 100 per page.

        A position is the index key that precedes the page, as JSON.
        """
        while True:
            after: Any = {"ExclusiveStartKey": json.loads(start)} if start else {}
            response = self.client.scan(TableName=self.name, IndexName=_PENDING_INDEX, Limit=_PAGE_SIZE, **after)
            decoded = [(item, try_request_from_item(item)) for item in response["Items"]]
            yield PendingPage(
                start,
                tuple(request for _, request in decoded if request),
                tuple(item["request_id"]["S"] for item, request in decoded if request is None),
            )
            if "LastEvaluatedKey" not in response:
                return
            start = json.dumps(response["LastEvaluatedKey"])

    def settle(self, requests: Sequence[ScanRequest]) -> None:
        """Write these answers (at most 25), each only if its request is still pending.

        They are written in one transaction. If that is cancelled, because one of them was settled before or is being
        settled, or if it exceeds 4 MB, they are written one by one.
        """
        updates = [self._settle_update(request) for request in requests]
        if len(updates) > 1:
            try:
                self.client.transact_write_items(TransactItems=[{"Update": update} for update in updates])
                return
            except ClientError as error:
                if error.response["Error"]["Code"] not in _TRANSACTION_ERRORS:
                    raise
        for update in updates:
            self._settle_one(update)

    def _settle_one(self, update: Any) -> None:
        try_conditional_write(lambda: self.client.update_item(**update))  # False if it was settled before

    def _settle_update(self, request: ScanRequest) -> Any:
        attributes = {**answer_attributes(request), "deadline": number_attribute(request.deadline)}
        return {
            "TableName": self.name,
            "Key": request_key(request.id),
            "ConditionExpression": "#status = :pending",
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in attributes) + " REMOVE waiting_for",
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {":pending": string_attribute(Status.PENDING)}
            | {f":{name}": value for name, value in attributes.items()},
        }


def _is_valid_id(request_id: str) -> bool:
    # IDs are ASCII. A lone surrogate could not even be encoded for the call.
    return request_id.isascii() and 0 < len(request_id) <= _MAX_KEY_BYTES
