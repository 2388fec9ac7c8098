"""The daily quota of Rekognition calls, in items of the counters table such as ``calls#2026-11-22`` (UTC)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.items import condition_failed, number_attribute, string_attribute

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RETENTION_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """Counts the calls of each day up to ``limit``.

    The client must not retry a write: a call that is refunded twice would exceed the quota. A write whose response is
    lost raises an error instead, after which the day may allow one call less.
    """

    client: "DynamoDBClient"
    name: str
    limit: int

    def try_acquire(self, now: float) -> bool:
        """Count one call for the day of ``now``. Return False, and count nothing, if the quota is used up."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key=_day(now),
                ConditionExpression="attribute_not_exists(calls) OR calls < :limit",
                UpdateExpression="SET expires_at = :expires_at ADD calls :one",
                ExpressionAttributeValues={
                    ":limit": number_attribute(self.limit),
                    ":expires_at": number_attribute(int(now) + _RETENTION_SECONDS),
                    ":one": number_attribute(1),
                },
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def refund(self, now: float) -> None:
        """Subtract one call from the day of ``now``."""
        self.client.update_item(
            TableName=self.name,
            Key=_day(now),
            UpdateExpression="ADD calls :minus_one",
            ExpressionAttributeValues={":minus_one": number_attribute(-1)},
        )


def _day(now: float) -> dict[str, Any]:
    return {"name": string_attribute(f"calls#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}")}
