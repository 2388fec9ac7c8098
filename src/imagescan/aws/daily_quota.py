"""Daily quotas of Rekognition calls and of each caller's submissions.

Each day (UTC) has an item in the counters table, for example ``calls#2026-11-22``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.items import condition_failed, number_attribute, string_attribute
from imagescan.domain.feature import Feature

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RETENTION_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """Counts the uses of each day up to ``limit``, under the name ``counter``.

    The client must not retry a write: a use that is refunded twice would exceed the quota. A write whose response is
    lost raises an error instead, after which the day may allow one use less.
    """

    client: "DynamoDBClient"
    name: str
    limit: int
    counter: str = "calls"

    def try_acquire(self, now: float, feature: Feature | None = None) -> bool:
        """Count one use for the day of ``now``. Return False, and count nothing, if the quota is used up.

        The limit applies to all features together. The uses of each are counted as well.
        """
        try:
            self.client.update_item(
                TableName=self.name,
                Key=self._key(now),
                ConditionExpression="attribute_not_exists(calls) OR calls < :limit",
                UpdateExpression=f"SET expires_at = :expires_at ADD {_counted(feature, ':one')}",
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

    def refund(self, now: float, feature: Feature | None = None) -> None:
        """Subtract one use from the day of ``now``."""
        self.client.update_item(
            TableName=self.name,
            Key=self._key(now),
            UpdateExpression=f"ADD {_counted(feature, ':minus_one')}",
            ExpressionAttributeValues={":minus_one": number_attribute(-1)},
        )

    def _key(self, now: float) -> dict[str, Any]:
        return {"name": string_attribute(f"{self.counter}#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}")}


def _counted(feature: Feature | None, change: str) -> str:
    """Return the attributes that a use changes: the total, and the part of its feature."""
    return f"calls {change}, {feature}_calls {change}" if feature else f"calls {change}"
