"""The images table: one row for each distinct image, keyed by its SHA-256 in hexadecimal.

``attempts`` is the set of the deliveries that leased it: adding one twice, as a retried write does, counts it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.rows import Item, condition_failed, number, number_in, row_met, scan_attributes, scan_in, text
from imagescan.requests import Image, Lease, Scan, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NOT_TERMINAL = "(attribute_not_exists(#status) OR #status = :pending)"
_TO_BE_HAD = (
    f"{_NOT_TERMINAL} AND (attribute_not_exists(lease_until) OR lease_until < :now OR lease_owner = :owner)"
    " AND (attribute_not_exists(attempts) OR size(attempts) < :max OR contains(attempts, :owner))"
)
_PENDING = {":pending": text(Status.PENDING)}


@dataclass(frozen=True, slots=True)
class ImagesTable:
    client: "DynamoDBClient"
    name: str

    def get(self, image_hash: str) -> Image | None:
        """The row, strongly read."""
        answer = self.client.get_item(TableName=self.name, Key=_key(image_hash), ConsistentRead=True)
        return _image(answer["Item"]) if "Item" in answer else None

    def get_many(self, image_hashes: Sequence[str]) -> dict[str, Image]:
        """The rows of at most 100 images, strongly read."""
        wanted: Any = {self.name: {"Keys": [_key(image_hash) for image_hash in image_hashes], "ConsistentRead": True}}
        found: dict[str, Image] = {}
        while wanted:
            answer = self.client.batch_get_item(RequestItems=wanted)
            found |= {image.hash: image for image in map(_image, answer["Responses"].get(self.name, []))}
            wanted = answer.get("UnprocessedKeys")
        return found

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
            return Lease(granted=False, image=_image(row_met(error)))
        return Lease(granted=True, image=_image(answer["Attributes"]))

    def release(self, image_hash: str, owner: str, *, refund: bool, unseen: bool = False) -> None:
        """Give the image up if it is still ``owner``'s, and take the attempt back when it cost nothing."""
        seen = ", first_leased_at" if unseen else ""
        refunding, attempt = (" DELETE attempts :attempt", {":attempt": {"SS": [owner]}}) if refund else ("", {})
        try:
            self.client.update_item(
                TableName=self.name,
                Key=_key(image_hash),
                ConditionExpression="lease_owner = :owner",
                UpdateExpression=f"REMOVE lease_owner, lease_until{seen}{refunding}",
                ExpressionAttributeValues={":owner": text(owner), **attempt},
            )
        except ClientError as error:
            if not condition_failed(error):  # otherwise it is no longer ours to release
                raise

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
            return _image(row_met(error))
        return _image(answer["Attributes"])

    def claim_requeue(self, image_hash: str, now: float, not_since: float) -> bool:
        """Mark the image as queued again now, unless it is terminal or was so marked after ``not_since``."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key=_key(image_hash),
                ConditionExpression=_NOT_TERMINAL
                + " AND (attribute_not_exists(queued_again_at) OR queued_again_at < :before)",
                UpdateExpression="SET #status = :pending, queued_again_at = :now",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_PENDING | {":now": number(now), ":before": number(not_since)},
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True


def _key(image_hash: str) -> dict[str, Any]:
    return {"image_hash": text(image_hash)}


def _image(item: Item) -> Image:
    return Image(
        hash=item["image_hash"]["S"],
        attempts=len(item["attempts"]["SS"]) if "attempts" in item else 0,
        first_leased_at=number_in(item, "first_leased_at"),
        lease_until=number_in(item, "lease_until"),
        queued_again_at=number_in(item, "queued_again_at"),
        scan=scan_in(item),
    )
