"""The event source mappings of the table streams. A batch that fails is delivered again from the failed record."""

import json
from base64 import b64encode
from typing import Any

from testing.functions import Functions
from testing.resources import IMAGES, REQUESTS


class Streams:
    """Delivers stream records. ``dynamodb_streams`` is a client that is not recorded and has no injected faults."""

    def __init__(self, dynamodb_streams: Any, functions: Functions) -> None:
        self.client = dynamodb_streams
        self._functions = functions
        self._delivered = {REQUESTS: 0, IMAGES: 0}

    def deliver(self, table: str = REQUESTS, records: int | None = None) -> str | None:
        """Deliver new records of a table. Return the sequence number of the first failed record, or None."""
        batch = self.records(table)[self._delivered[table] :][:records]
        failures = self._functions.invoke("EventPublisherFunction", {"Records": batch})["batchItemFailures"]
        sequence_numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        failed = failures[0]["itemIdentifier"] if failures else None
        self._delivered[table] += sequence_numbers.index(failed) if failed else len(batch)
        return failed

    def deliver_all(self) -> None:
        """Deliver new records of both tables until none fails."""
        for table in self._delivered:
            while self.deliver(table):
                pass

    def records(self, table: str) -> list[dict[str, Any]]:
        """Return all records of a table in the format of a Lambda event."""
        shard = self.shard(table)
        iterator = self.client.get_shard_iterator(
            StreamArn=shard["streamArn"], ShardId=shard["shardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[Any] = []
        while (page := self.client.get_records(ShardIterator=iterator))["Records"]:
            records += page["Records"]
            iterator = page["NextShardIterator"]
        in_lambda_format: list[dict[str, Any]] = json.loads(json.dumps(records, default=_plain))
        return in_lambda_format

    def shard(self, table: str) -> dict[str, str]:
        """Return the only shard of a table, with the names that Lambda uses."""
        [stream] = self.client.list_streams(TableName=table)["Streams"]
        arn = stream["StreamArn"]
        [shard] = self.client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        return {"streamArn": arn, "shardId": shard["ShardId"]}

    def rewind(self) -> None:
        """Deliver all records again, as after an interrupted invocation."""
        self._delivered = dict.fromkeys(self._delivered, 0)


def _plain(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
