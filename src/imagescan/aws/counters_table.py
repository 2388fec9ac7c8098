"""The counters table, keyed by name. The totals are spread over 16 items, ``totals``, ``totals#1`` and so on.

A single item would accept about 60 transactions per second, because concurrent transactions on an item are rejected.
"""

import zlib
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from imagescan.aws.items import batch_get, number_attribute, string_attribute
from imagescan.domain.stats import Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ITEM_NAMES = ("totals", *(f"totals#{shard}" for shard in range(1, 16)))
_FIELDS = [field.name for field in fields(Totals)]
_MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class CountersTable:
    client: "DynamoDBClient"
    name: str

    def add(self, totals: Totals, token: str) -> None:
        """Add the totals, unless the same token (at most 36 characters) was used in the last ten minutes."""
        for tries_left in reversed(range(_MAX_TRIES)):
            try:
                self._add(totals, token)
            except self.client.exceptions.TransactionCanceledException:
                if not tries_left:  # otherwise another transaction was in progress
                    raise
            else:
                return

    def totals(self) -> Totals:
        """Return the sum of all totals using consistent reads."""
        items = batch_get(self.client, self.name, [_key(name) for name in _ITEM_NAMES])
        return Totals(**{name: sum(int(item[name]["N"]) for item in items if name in item) for name in _FIELDS})

    def _add(self, totals: Totals, token: str) -> None:
        values = asdict(totals)
        update: Any = {
            "TableName": self.name,
            "Key": _key(_item_name(token)),
            "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in _FIELDS),
            "ExpressionAttributeNames": {f"#{name}": name for name in _FIELDS},
            "ExpressionAttributeValues": {f":{name}": number_attribute(value) for name, value in values.items()},
        }
        self.client.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken=token)


def _key(name: str) -> dict[str, Any]:
    return {"name": string_attribute(name)}


def _item_name(token: str) -> str:
    """Map a token to always the same item, because a repeated token is recognised only there."""
    return _ITEM_NAMES[zlib.crc32(token.encode()) % len(_ITEM_NAMES)]
