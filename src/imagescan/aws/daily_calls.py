"""The calls of each day (UTC), in rows of the counters table such as ``calls#2026-11-22``."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from imagescan.aws.rows import condition_failed, number, text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class DailyCalls:
    """Counts each day's calls, up to ``most``.

    The client must not send a write again by itself: a call that was given back twice would be one too many. A write
    whose answer is lost is an error instead, after which the day may have a call less than it could.
    """

    client: "DynamoDBClient"
    name: str
    most: int

    def take(self, now: float) -> bool:
        """Count one more call for the day of ``now``; False, and nothing is counted, when none is left."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key=_day(now),
                ConditionExpression="attribute_not_exists(calls) OR calls < :most",
                UpdateExpression="SET expires_at = :expires_at ADD calls :one",
                ExpressionAttributeValues={
                    ":most": number(self.most),
                    ":expires_at": number(int(now) + _KEPT_SECONDS),
                    ":one": number(1),
                },
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def give_back(self, now: float) -> None:
        """Count one call less for the day of ``now``."""
        self.client.update_item(
            TableName=self.name,
            Key=_day(now),
            UpdateExpression="ADD calls :less",
            ExpressionAttributeValues={":less": number(-1)},
        )


def _day(now: float) -> dict[str, Any]:
    return {"name": text(f"calls#{datetime.fromtimestamp(now, UTC):%Y-%m-%d}")}
