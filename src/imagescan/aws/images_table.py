"""The images table: one row for each distinct image, keyed by its SHA-256 in hexadecimal.

``attempts`` is the set of the deliveries that leased it: adding one twice, as a retried write does, counts it once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.rows import (
    Item,
    batch_get,
    condition_failed,
    number,
    number_in,
    row_met,
    scan_attributes,
    scan_in,
    succeeded,
    text,
)
from imagescan.requests import Image, Lease, Marked, Scan, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NOT_TERMINAL = "(attribute_not_exists(#status) OR #status = :pending)"
_TO_BE_HAD = (
    f"{_NOT_TERMINAL} AND (attribute_not_exists(lease_until) OR lease_until < :now OR lease_owner = :owner)"
    " AND (attribute_not_exists(attempts) OR size(attempts) < :max OR contains(attempts, :owner))"
)
_TO_REMOVE = "to_remove"
_PENDING = {":pending": text(Status.PENDING)}


@dataclass(frozen=True, slots=True)
class ImagesTable:
    client: "DynamoDBClient"
    name: str

    def get(self, image_hash: str) -> Image | None:
        """The row, strongly read."""
        answer = self.client.get_item(TableName=self.name, Key=_key(image_hash), ConsistentRead=True)
        return image_in(answer["Item"]) if "Item" in answer else None

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """The rows of at most 100 images, strongly read."""
        items = batch_get(self.client, self.name, [_key(image_hash) for image_hash in image_hashes])
        return {image.hash: image for image in map(image_in, items)}

    def lease(self, image_hash: str, owner: str, now: float, until: float, max_attempts: int) -> Lease:
        """Take the image for ``owner`` until then (epoch seconds), or hand back the row that stood against it."""
        try:
            answer = self.client.update_item(
                TableName=self.name,
                Key=_key(image_hash),
                ConditionExpression=_TO_BE_HAD,
                UpdateExpression="SET #status = :pending, lease_owner = :owner, lease_until = :until,"
                " first_leased_at = if_not_exists(first_leased_at, :now) ADD attempts :attempt",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_PENDING
                | {
                    ":owner": text(owner),
                    ":attempt": {"SS": [owner]},
                    ":now": number(now),
                    ":until": number(until),
                    ":max": number(max_attempts),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return Lease(granted=False, image=image_in(row_met(error)))
        return Lease(granted=True, image=image_in(answer["Attributes"]))

    def release(self, image_hash: str, owner: str, *, refund: bool, unseen: bool = False) -> None:
        """Give the image up if it is still ``owner``'s, and take the attempt back when it cost nothing."""
        seen = ", first_leased_at" if unseen else ""
        refunding, attempt = (" DELETE attempts :attempt", {":attempt": {"SS": [owner]}}) if refund else ("", {})
        self._update_if(  # otherwise it is no longer ours to release
            Key=_key(image_hash),
            ConditionExpression="lease_owner = :owner",
            UpdateExpression=f"REMOVE lease_owner, lease_until{seen}{refunding}",
            ExpressionAttributeValues={":owner": text(owner), **attempt},
        )

    def put_off(self, image_hash: str, owner: str, began: float) -> bool:
        """Give the image up with its attempt and mark that it waits since ``began``; whether its row says so now."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key=_key(image_hash),
                ConditionExpression="lease_owner = :owner",
                UpdateExpression="REMOVE lease_owner, lease_until DELETE attempts :attempt ADD put_off_at :began",
                ExpressionAttributeValues={
                    ":owner": text(owner),
                    ":attempt": {"SS": [owner]},
                    ":began": {"NS": [repr(began)]},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            met: Item | None = error.response.get("Item")  # type: ignore[assignment]  # the stubs do not know it
            return met is not None and began in image_in(met).put_off_at
        return True

    def finish(self, image_hash: str, scan: Scan) -> Image:
        """The one terminal write. Where there was one before, that one stays, and its row comes back."""
        attributes = scan_attributes(scan)
        try:
            answer = self.client.update_item(
                TableName=self.name,
                Key=_key(image_hash),
                ConditionExpression=_NOT_TERMINAL,
                UpdateExpression="SET "
                + ", ".join(f"#{name} = :{name}" for name in attributes)
                + " REMOVE lease_owner, lease_until",
                ExpressionAttributeNames={f"#{name}": name for name in attributes},
                ExpressionAttributeValues=_PENDING | {f":{name}": value for name, value in attributes.items()},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return image_in(row_met(error))
        return image_in(answer["Attributes"])

    def mark_for_removal(self, image_hash: str, now: float) -> None:
        """Begin the image's quiet time, or begin it anew: the mark puts its row into the sparse index ``to_remove``."""
        self.client.update_item(
            TableName=self.name,
            Key=_key(image_hash),
            UpdateExpression="SET to_remove = :hash, to_remove_since = :now",
            ExpressionAttributeValues={":hash": text(image_hash), ":now": number(now)},
        )

    def marked_for_removal(self) -> Iterator[Marked]:
        """The images that are marked, as the index knows them; a page is read when it is wanted."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.name, IndexName=_TO_REMOVE)
        return (
            Marked(item["image_hash"]["S"], float(item["to_remove_since"]["N"]))
            for page in pages
            for item in page["Items"]
        )

    def remove(self, marked: Marked, seen: Image, now: float) -> bool:
        """Delete the row, unless it was marked anew, is leased, or was finished since ``seen``; whether it is gone."""
        unchanged = "finished_at = :finished" if seen.scan else "attribute_not_exists(finished_at)"
        finished = {":finished": number(seen.scan.finished_at)} if seen.scan else {}
        condition = (
            f"to_remove_since = :since AND (attribute_not_exists(lease_until) OR lease_until < :now) AND {unchanged}"
        )
        return succeeded(
            lambda: self.client.delete_item(
                TableName=self.name,
                Key=_key(marked.image_hash),
                ConditionExpression=condition,
                ExpressionAttributeValues={":since": number(marked.since), ":now": number(now), **finished},
            )
        )

    def claim_requeue(self, image_hash: str, now: float, not_since: float) -> bool:
        """Mark the image as queued again now, unless it is terminal or was so marked after ``not_since``."""
        return self._update_if(
            Key=_key(image_hash),
            ConditionExpression=_NOT_TERMINAL
            + " AND (attribute_not_exists(queued_again_at) OR queued_again_at < :before)",
            UpdateExpression="SET #status = :pending, queued_again_at = :now",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=_PENDING | {":now": number(now), ":before": number(not_since)},
        )

    def _update_if(self, **update: Any) -> bool:
        """Whether the update was made; not when its condition stood against it."""
        return succeeded(lambda: self.client.update_item(TableName=self.name, **update))


def _key(image_hash: str) -> dict[str, Any]:
    return {"image_hash": text(image_hash)}


def image_in(item: Item) -> Image:
    """The image that a row holds."""
    return Image(
        hash=item["image_hash"]["S"],
        attempts=len(item["attempts"]["SS"]) if "attempts" in item else 0,
        first_leased_at=number_in(item, "first_leased_at"),
        lease_until=number_in(item, "lease_until"),
        queued_again_at=number_in(item, "queued_again_at"),
        scan=scan_in(item),
        put_off_at=tuple(sorted(map(float, item["put_off_at"]["NS"]))) if "put_off_at" in item else (),
    )
