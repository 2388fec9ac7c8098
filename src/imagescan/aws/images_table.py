"""The images table: one item per distinct image and feature, and one per content and feature.

The key of an image is its SHA-256 in hexadecimal, followed by the name of the feature unless that is ``labels``. A
content has the prefix ``contents/``, and no marks or grants. A direct upload that must be purged has an item as well,
keyed by its object key. So has the possession of each owner.

``attempts`` is the set of the deliveries that leased the item since it was last reopened. Adding one twice, as a
retried write does, counts once.

Every item expires. A write that may create an item, or that uses a whole image, renews its expiry.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.items import (
    Item,
    batch_get,
    condition_failed,
    existing_item,
    get_number,
    number_attribute,
    scan_attributes,
    scan_from_item,
    string_attribute,
    try_conditional_write,
)
from imagescan.domain.feature import CONTENT_KEY_PREFIX, feature_from_item_key
from imagescan.domain.image_record import (
    ATTEMPTS_EXHAUSTED,
    Image,
    LeaseResult,
    Possession,
    PossessionKey,
    PurgeCandidate,
    Scan,
    Status,
)
from imagescan.domain.policy import ITEM_MARGIN_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PENDING_CONDITION = "(attribute_not_exists(#status) OR #status = :pending)"
_LEASABLE_CONDITION = (
    f"{_PENDING_CONDITION} AND (attribute_not_exists(lease_until) OR lease_until < :now OR lease_owner = :owner)"
    " AND attribute_not_exists(is_exhausted) AND (attribute_not_exists(not_before) OR not_before <= :now)"
    " AND (attribute_not_exists(attempts) OR size(attempts) < :max OR contains(attempts, :owner))"
)
_KEYS_PER_CALL = 100  # limit of BatchGetItem
_PURGE_INDEX = "purge_candidates"
_PENDING = {":pending": string_attribute(Status.PENDING)}


@dataclass(frozen=True, slots=True)
class ImagesTable:
    """``retention_seconds`` is the time for which requests and bytes are kept. Writes that may create items need it."""

    client: "DynamoDBClient"
    name: str
    retention_seconds: int = 0

    def get(self, key: str) -> Image | None:
        """Return the item using a consistent read."""
        response = self.client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        return image_from_item(response["Item"]) if "Item" in response else None

    def get_many(self, keys: Sequence[str]) -> dict[str, Image]:
        """Return the items under these keys using consistent reads, 100 per call. Missing items are left out."""
        items = [
            item
            for chunk in batched(keys, _KEYS_PER_CALL, strict=False)
            for item in batch_get(self.client, self.name, [_key(key) for key in chunk])
        ]
        return {image.key: image for image in map(image_from_item, items)}

    def lease(self, key: str, owner: str, now: float, until: float, max_attempts: int) -> LeaseResult:
        """Lease the item to ``owner`` until that time (epoch seconds), or return the item that prevents it."""
        try:
            response = self.client.update_item(
                TableName=self.name,
                Key=_key(key),
                ConditionExpression=_LEASABLE_CONDITION,
                UpdateExpression="SET #status = :pending, lease_owner = :owner, lease_until = :until,"
                " expires_at = :expires_at, first_leased_at = if_not_exists(first_leased_at, :now)"
                " ADD attempts :attempt",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_PENDING
                | {
                    ":owner": string_attribute(owner),
                    ":attempt": {"SS": [owner]},
                    ":now": number_attribute(now),
                    ":until": number_attribute(until),
                    ":max": number_attribute(max_attempts),
                    ":expires_at": self._expiry(now),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return LeaseResult(granted=False, image=image_from_item(existing_item(error)))
        return LeaseResult(granted=True, image=image_from_item(response["Attributes"]))

    def release(
        self,
        key: str,
        owner: str,
        *,
        refund: bool,
        bytes_missing: bool = False,
        not_before: float | None = None,
    ) -> None:
        """Release the lease if ``owner`` still holds it, and remove the attempt if it was not billed.

        No attempt starts before ``not_before``.
        """
        evidence = ", first_leased_at" if bytes_missing else ""
        refunding, attempt = _refund(owner if refund else None)
        wait = {":not_before": number_attribute(not_before)} if not_before is not None else {}
        waiting = " SET not_before = :not_before" if wait else ""
        self._update_if(  # otherwise another delivery holds the lease
            Key=_key(key),
            ConditionExpression="lease_owner = :owner",
            UpdateExpression=f"REMOVE lease_owner, lease_until{evidence}{refunding}{waiting}",
            ExpressionAttributeValues={":owner": string_attribute(owner), **attempt, **wait},
        )

    def defer(self, key: str, owner: str, began: float) -> bool:
        """Release the lease, refund the attempt and add ``began`` to the deferrals. Return whether the item has it."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key=_key(key),
                ConditionExpression="lease_owner = :owner",
                UpdateExpression="REMOVE lease_owner, lease_until DELETE attempts :attempt ADD deferred_at :began",
                ExpressionAttributeValues={
                    ":owner": string_attribute(owner),
                    ":attempt": {"SS": [owner]},
                    ":began": {"NS": [repr(began)]},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            existing: Item | None = error.response.get("Item")  # type: ignore[assignment]  # the stubs do not know it
            return existing is not None and began in image_from_item(existing).deferred_at
        return True

    def finish(self, key: str, scan: Scan, refund: str | None = None) -> Image:
        """Make the one terminal write. If it was made before, return the earlier item unchanged.

        The attempt of the owner ``refund`` is removed, because it made no call.
        """
        attributes = scan_attributes(scan) | {"expires_at": self._expiry(scan.finished_at)}
        refunding, attempt = _refund(refund)
        try:
            response = self.client.update_item(
                TableName=self.name,
                Key=_key(key),
                ConditionExpression=_PENDING_CONDITION,
                UpdateExpression="SET "
                + ", ".join(f"#{name} = :{name}" for name in attributes)
                + f" REMOVE lease_owner, lease_until{refunding}",
                ExpressionAttributeNames={f"#{name}": name for name in attributes},
                ExpressionAttributeValues=_PENDING
                | {f":{name}": value for name, value in attributes.items()}
                | attempt,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return image_from_item(existing_item(error))
        return image_from_item(response["Attributes"])

    def exhaust(self, image: Image, at: float, refund: str | None = None) -> Image:
        """Record that the attempt budget of ``image``, as it was read, is exhausted. Return the item in force.

        Nothing is recorded for an item that is terminal, exhausted already, or was reopened since it was read. The
        attempt of the owner ``refund`` is removed, because it made no call.
        """
        budget, count = _same_budget(image)
        refunding, attempt = _refund(refund)
        try:
            response = self.client.update_item(
                TableName=self.name,
                Key=_key(image.key),
                ConditionExpression=f"{_PENDING_CONDITION} AND {budget} AND attribute_not_exists(is_exhausted)"
                " AND attribute_exists(attempts)",
                UpdateExpression="SET is_exhausted = :true ADD exhausted_at :at REMOVE lease_owner, lease_until"
                + refunding,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_PENDING
                | {":true": {"BOOL": True}, ":at": {"NS": [repr(at)]}}
                | count
                | attempt,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            existing: Item | None = error.response.get("Item")  # type: ignore[assignment]  # the stubs do not know it
            return image_from_item(existing) if existing else Image(image.key)
        return image_from_item(response["Attributes"])

    def reopen(self, image: Image) -> None:
        """Renew the attempt budget of ``image``, unless this was done, or it became terminal, since it was read."""
        budget, count = _same_budget(image)
        self._update_if(
            Key=_key(image.key),
            ConditionExpression=f"{_PENDING_CONDITION} AND {budget} AND attribute_exists(is_exhausted)",
            UpdateExpression="REMOVE attempts, is_exhausted, not_before",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=_PENDING | count,
        )

    def mark_for_purge(self, key: str, now: float) -> None:
        """Mark an image, by its hash, or a direct upload, by its object key, which has an item of its own then.

        The mark puts the item into the sparse index ``purge_candidates``. The first mark starts the purge delay. The
        latest one decides which bytes are purged.
        """
        mark = (
            "SET marked_for_purge = :key, expires_at = :expires_at, marked_at = if_not_exists(marked_at, :now),"
            " covers_until = "
        )
        update: Any = {
            "Key": _key(key),
            "ExpressionAttributeValues": {
                ":key": string_attribute(key),
                ":now": number_attribute(now),
                ":one": number_attribute(1),
                ":expires_at": self._expiry(now),
            },
        }
        is_latest = self._update_if(
            **update,
            ConditionExpression="attribute_not_exists(covers_until) OR covers_until < :now",
            UpdateExpression=f"{mark}:now ADD purge_guard :one",
        )
        if not is_latest:  # a purge that has started must notice this mark as well
            update["UpdateExpression"] = f"{mark}if_not_exists(covers_until, :now) ADD purge_guard :one"
            self.client.update_item(TableName=self.name, **update)

    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        """Return these possessions (at most 100) using consistent reads. Missing ones are left out."""
        items = batch_get(self.client, self.name, [_key(_possession_id(key)) for key in keys])
        return {possession.key: possession for possession in map(_possession_from_item, items)}

    def grant(self, possession: Possession) -> None:
        """Store the possession, unless its owner has it already.

        The time in the image's item is written first. It keeps the purger from an image that gets a new owner.
        """
        self.client.update_item(
            TableName=self.name,
            Key=_key(possession.image_hash),
            UpdateExpression="SET granted_at = :now, expires_at = :expires_at ADD purge_guard :one",
            ExpressionAttributeValues={
                ":now": number_attribute(possession.since),
                ":one": number_attribute(1),
                ":expires_at": self._expiry(possession.since),
            },
        )
        try_conditional_write(
            lambda: self.client.put_item(
                TableName=self.name,
                Item={
                    **_key(_possession_id(possession.key)),
                    "owner": string_attribute(possession.owner),
                    "possessed_hash": string_attribute(possession.image_hash),
                    "since": number_attribute(possession.since),
                    "granted_for": string_attribute(possession.granted_for),
                    "expires_at": self._expiry(possession.since),
                },
                ConditionExpression="attribute_not_exists(image_hash)",
            )
        )

    def renew(self, read: Image | Possession, now: float) -> bool:
        """Extend the expiry of the item. Return False if it was deleted since it was ``read``."""
        return self._update_if(
            Key=_key_of(read),
            ConditionExpression="attribute_exists(image_hash)",
            UpdateExpression="SET expires_at = :expires_at",
            ExpressionAttributeValues={":expires_at": self._expiry(now)},
        )

    def remove_expired(self, read: Image | Possession) -> None:
        """Delete the item, unless its expiry was extended since it was ``read``."""
        condition, value = _same_number("expires_at", read.expires_at)
        try_conditional_write(
            lambda: self.client.delete_item(
                TableName=self.name,
                Key=_key_of(read),
                ConditionExpression=condition,
                ExpressionAttributeValues=value,
            )
        )

    def purge_candidates(self) -> Iterator[PurgeCandidate]:
        """Return the marked images and uploads, as the index shows them, read page by page."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, IndexName=_PURGE_INDEX)
        return (
            PurgeCandidate(item["image_hash"]["S"], float(item["marked_at"]["N"]))
            for page in pages
            for item in page["Items"]
        )

    def remove(self, read: Sequence[Image], now: float) -> bool:
        """Delete these items, unless one is leased, or was marked, granted or got a result since it was ``read``.

        Return whether they were deleted. Several are deleted in one transaction, because the marks and grants for all
        features of an image are in one item.
        """
        deletions = [self._deletion([], each, now) for each in read]
        if len(deletions) == 1:
            return try_conditional_write(lambda: self.client.delete_item(**deletions[0]))
        return self._try_transaction([{"Delete": deletion} for deletion in deletions])

    def reset(self, read: Image, main: Image | None, now: float) -> bool:
        """Delete the item so that the image is scanned again, unless it is leased or changed since it was ``read``.

        ``main`` is the item for the labels of the image, which holds the marks and the grants for all features. Nothing
        is deleted if it has a mark, because the mark leads to the bytes that have to be purged, or if it changed.
        Return whether the item was deleted.
        """
        not_marked = "attribute_not_exists(marked_at)"
        if read.key == read.hash:
            deletion = self._deletion([not_marked], read, now)
            return try_conditional_write(lambda: self.client.delete_item(**deletion))
        guard, value = _same_number("purge_guard", main.purge_guard if main and main.purge_guard else None)
        check: Any = {
            "TableName": self.name,
            "Key": _key(read.hash),
            "ConditionExpression": f"{not_marked} AND {guard}",
            **({"ExpressionAttributeValues": value} if value else {}),
        }
        return self._try_transaction([{"ConditionCheck": check}, {"Delete": self._deletion([], read, now)}])

    def failed_with(self, failure_code: str) -> Iterator[Image]:
        """Return the images whose scan failed with this code, or that are exhausted, without those to be purged.

        Contents are left out: the next delivery for one of their images reopens them.

        Read the whole table, page by page.
        """
        is_exhausted = " OR (attribute_exists(is_exhausted) AND attribute_not_exists(finished_at))"
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="attribute_not_exists(marked_at) AND NOT begins_with(image_hash, :content)"
            f" AND (failure_code = :code{is_exhausted if failure_code == ATTEMPTS_EXHAUSTED.code else ''})",
            ExpressionAttributeValues={
                ":code": string_attribute(failure_code),
                ":content": string_attribute(CONTENT_KEY_PREFIX),
            },
        )
        return (image_from_item(item) for page in pages for item in page["Items"])

    def _try_transaction(self, writes: Sequence[Any]) -> bool:
        """Make these writes together. Return False if a condition was not met or an item was being written."""
        try:
            self.client.transact_write_items(TransactItems=writes)
        except self.client.exceptions.TransactionCanceledException:
            return False
        return True

    def _deletion(self, conditions: list[str], read: Image, now: float) -> Any:
        """Return the deletion if the conditions hold, the item is not leased, and its marks and results are as read."""
        finished, finished_value = _same_number("finished_at", read.scan.finished_at if read.scan else None)
        guard, guard_value = _same_number("purge_guard", read.purge_guard or None)
        budget, count = _same_budget(read)
        is_free = "(attribute_not_exists(lease_until) OR lease_until < :now)"
        return {
            "TableName": self.name,
            "Key": _key(read.key),
            "ConditionExpression": " AND ".join([*conditions, is_free, finished, guard, budget]),
            "ExpressionAttributeValues": {":now": number_attribute(now), **finished_value, **guard_value, **count},
        }

    def claim_requeues(self, image_hashes: Sequence[str], now: float, requeued_before: float) -> list[str]:
        """Record that these images (at most 100) are requeued now, and return those for which it was recorded.

        Those that were requeued since ``requeued_before`` are left out. The claims are written in
        one transaction. If that is cancelled, because one of them is left out or is being written, they are written one
        by one.
        """
        claims = {image_hash: self._claim(image_hash, now, requeued_before) for image_hash in image_hashes}
        if len(claims) > 1:
            try:
                self.client.transact_write_items(TransactItems=[{"Update": claim} for claim in claims.values()])
                return list(claims)
            except self.client.exceptions.TransactionCanceledException:
                pass  # one item prevents the whole transaction
        return [image_hash for image_hash, claim in claims.items() if self._try_claim(claim)]

    def _try_claim(self, claim: Any) -> bool:
        return try_conditional_write(lambda: self.client.update_item(**claim))

    def _claim(self, image_hash: str, now: float, requeued_before: float) -> Any:
        return {
            "TableName": self.name,
            "Key": _key(image_hash),
            "ConditionExpression": "attribute_not_exists(requeued_at) OR requeued_at < :before",
            "UpdateExpression": "SET #status = if_not_exists(#status, :pending), requeued_at = :now,"
            " expires_at = :expires_at",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": _PENDING
            | {
                ":now": number_attribute(now),
                ":before": number_attribute(requeued_before),
                ":expires_at": self._expiry(now),
            },
        }

    def _expiry(self, now: float) -> Any:
        return number_attribute(int(now) + self.retention_seconds + ITEM_MARGIN_SECONDS)

    def _update_if(self, **update: Any) -> bool:
        return try_conditional_write(lambda: self.client.update_item(TableName=self.name, **update))


def _refund(owner: str | None) -> tuple[str, dict[str, Any]]:
    """Return the part of an update that removes the attempt of this owner, if there is one, with the value it uses."""
    return (" DELETE attempts :attempt", {":attempt": {"SS": [owner]}}) if owner else ("", {})


def _key(key: str) -> dict[str, Any]:
    return {"image_hash": string_attribute(key)}


def _key_of(item: Image | Possession) -> dict[str, Any]:
    return _key(item.key if isinstance(item, Image) else _possession_id(item.key))


def _possession_id(key: PossessionKey) -> str:
    return f"possessions/{key.image_hash}/{key.owner}"


def _possession_from_item(item: Item) -> Possession:
    return Possession(
        item["owner"]["S"],
        item["possessed_hash"]["S"],
        float(item["since"]["N"]),
        item["granted_for"]["S"],
        get_number(item, "expires_at"),
    )


def _same_number(name: str, number: float | None) -> tuple[str, dict[str, Any]]:
    """Return the condition that this attribute has not changed, with the value that it uses."""
    if number is None:
        return f"attribute_not_exists({name})", {}
    return f"{name} = :{name}", {f":{name}": number_attribute(number)}


def _same_budget(read: Image) -> tuple[str, dict[str, Any]]:
    """Return the condition that no attempt budget was exhausted since the item was read, with the value it uses.

    The number of exhausted budgets identifies the current one, so that a write based on an earlier one is refused.
    """
    if not read.exhausted_at:
        return "attribute_not_exists(exhausted_at)", {}
    condition = "attribute_exists(exhausted_at) AND size(exhausted_at) = :exhausted"
    return condition, {":exhausted": number_attribute(len(read.exhausted_at))}


def _times(item: Item, name: str) -> tuple[float, ...]:
    return tuple(sorted(map(float, item[name]["NS"]))) if name in item else ()


def image_from_item(item: Item) -> Image:
    key = item["image_hash"]["S"]
    return Image(
        key=key,
        attempts=len(item["attempts"]["SS"]) if "attempts" in item else 0,
        first_leased_at=get_number(item, "first_leased_at"),
        lease_until=get_number(item, "lease_until"),
        requeued_at=get_number(item, "requeued_at"),
        scan=scan_from_item(item, feature_from_item_key(key)),
        deferred_at=_times(item, "deferred_at"),
        exhausted_at=_times(item, "exhausted_at"),
        is_exhausted="is_exhausted" in item,
        not_before=get_number(item, "not_before"),
        purge_until=get_number(item, "covers_until"),
        granted_at=get_number(item, "granted_at"),
        purge_guard=int(item["purge_guard"]["N"]) if "purge_guard" in item else 0,
        expires_at=get_number(item, "expires_at"),
    )
