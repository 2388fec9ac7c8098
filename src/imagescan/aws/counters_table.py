"""The counters table, keyed by name: the row ``totals`` counts all that ever came to its end."""

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from imagescan.aws.rows import number, text
from imagescan.totals import Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TOTALS = {"name": text("totals")}
_NAMES = [field.name for field in fields(Totals)]
_TRIES = 5


@dataclass(frozen=True, slots=True)
class CountersTable:
    client: "DynamoDBClient"
    name: str

    def add(self, totals: Totals, token: str) -> None:
        """Count these, unless the same was counted under the same token (36 characters at most) in ten minutes."""
        for tries_left in reversed(range(_TRIES)):
            try:
                self._add(totals, token)
            except self.client.exceptions.TransactionCanceledException:
                if not tries_left:  # otherwise somebody else was counting at this very moment
                    raise
            else:
                return

    def totals(self) -> Totals:
        """All that was counted so far, strongly read."""
        item = self.client.get_item(TableName=self.name, Key=_TOTALS, ConsistentRead=True).get("Item", {})
        return Totals(**{name: int(item[name]["N"]) for name in _NAMES if name in item})

    def _add(self, totals: Totals, token: str) -> None:
        update: Any = {
            "TableName": self.name,
            "Key": _TOTALS,
            "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in _NAMES),
            "ExpressionAttributeNames": {f"#{name}": name for name in _NAMES},
            "ExpressionAttributeValues": {f":{name}": number(value) for name, value in asdict(totals).items()},
        }
        self.client.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken=token)
