"""The event source mappings of the tables' streams: what changed goes to the function, and again from what it says."""

import json
from base64 import b64encode
from typing import Any

from testing.functions import Functions
from testing.resources import IMAGES, REQUESTS


class Streams:
    """``dynamodb_streams`` is a client that no test counts or breaks."""

    def __init__(self, dynamodb_streams: Any, functions: Functions) -> None:
        self.client = dynamodb_streams
        self._functions = functions
        self._told = {REQUESTS: 0, IMAGES: 0}

    def deliver(self, table: str = REQUESTS, records: int | None = None) -> str | None:
        """What changed in the table and was not told yet; the place from which it has to be told again, or None."""
        batch = self.records(table)[self._told[table] :][:records]
        failures = self._functions.invoke("EventPublisherFunction", {"Records": batch})["batchItemFailures"]
        places = [record["dynamodb"]["SequenceNumber"] for record in batch]
        self._told[table] += places.index(failures[0]["itemIdentifier"]) if failures else len(batch)
        return failures[0]["itemIdentifier"] if failures else None

    def deliver_all(self) -> None:
        """All that changed in both tables, until it is taken."""
        for table in self._told:
            while self.deliver(table):
                pass

    def records(self, table: str) -> list[dict[str, Any]]:
        """All that ever changed in the table, as Lambda is told of it."""
        shard = self.shard(table)
        iterator = self.client.get_shard_iterator(
            StreamArn=shard["streamArn"], ShardId=shard["shardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = self.client.get_records(ShardIterator=iterator)["Records"]
        as_lambda_has_them: list[dict[str, Any]] = json.loads(json.dumps(records, default=_plain))
        return as_lambda_has_them

    def shard(self, table: str) -> dict[str, str]:
        """The table's only shard, as Lambda names it."""
        [stream] = self.client.list_streams(TableName=table)["Streams"]
        arn = stream["StreamArn"]
        [shard] = self.client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        return {"streamArn": arn, "shardId": shard["ShardId"]}

    def forget_progress(self) -> None:
        """Everything is told again, as after a function that was cut short."""
        self._told = dict.fromkeys(self._told, 0)


def _plain(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
