"""The position at which the next run of the sweeper starts, in an item of the counters table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagescan.aws.items import get_text, string_attribute

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = {"name": string_attribute("sweep")}


@dataclass(frozen=True, slots=True)
class SweepPosition:
    client: "DynamoDBClient"
    name: str

    def load(self) -> str | None:
        """Return the position, or None if the next run starts at the first page."""
        response = self.client.get_item(TableName=self.name, Key=_KEY, ConsistentRead=True)
        return get_text(response["Item"], "position") if "Item" in response else None

    def save(self, start: str | None) -> None:
        """Store the position. None stands for the first page."""
        if start is None:
            self.client.delete_item(TableName=self.name, Key=_KEY)
        else:
            self.client.put_item(TableName=self.name, Item={**_KEY, "position": string_attribute(start)})
