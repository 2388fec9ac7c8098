"""The counters table, keyed by name. All that ever came to its end is counted in 16 rows, ``totals`` and so on.

One row would take no more than some sixty transactions a second, as each is refused while another is at it.
"""

import zlib
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from imagescan.aws.rows import batch_get, number, text
from imagescan.totals import Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROWS = ("totals", *(f"totals#{number}" for number in range(1, 16)))
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
        rows = batch_get(self.client, self.name, [_key(name) for name in _ROWS])
        return Totals(**{name: sum(int(row[name]["N"]) for row in rows if name in row) for name in _NAMES})

    def _add(self, totals: Totals, token: str) -> None:
        update: Any = {
            "TableName": self.name,
            "Key": _key(_row(token)),
            "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in _NAMES),
            "ExpressionAttributeNames": {f"#{name}": name for name in _NAMES},
            "ExpressionAttributeValues": {f":{name}": number(value) for name, value in asdict(totals).items()},
        }
        self.client.transact_write_items(TransactItems=[{"Update": update}], ClientRequestToken=token)


def _key(name: str) -> dict[str, Any]:
    return {"name": text(name)}


def _row(token: str) -> str:
    """The same for the same token, so that what is told again is told to the row that knows it."""
    return _ROWS[zlib.crc32(token.encode()) % len(_ROWS)]
