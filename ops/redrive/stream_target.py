"""Redeliver stream records that the event publisher could not process within six hours.

Lambda writes such a message for a batch of a DynamoDB stream that failed all retries. The message contains the position
of the records, not the records. See "Retaining discarded batches for a DynamoDB event source" in the Lambda guide.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.redrive.dead_letters import DeadLetter, FailureReason, RedeliveryFailed

_EXPIRED_ERRORS = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """The event publisher function. `streams` and `lambdas` are boto3 clients."""

    streams: Any
    lambdas: Any
    function: str
    name: str = "event publisher"

    def reason(self, letter: DeadLetter) -> FailureReason:
        """Return which records the message refers to, or that it is malformed."""
        try:
            batch = _batch(letter)
            _, table, *_ = batch["streamArn"].split("/")
            since = batch["approximateArrivalOfFirstRecord"]
            return FailureReason(f"{batch['batchSize']} changes of {table} since {since}")
        except (ValueError, KeyError, TypeError):
            return FailureReason("not a stream failure message of Lambda", is_malformed=True)

    def redeliver(self, letter: DeadLetter) -> None:
        """Read the records from the stream and invoke the function with them."""
        if self.reason(letter).is_malformed:
            raise RedeliveryFailed("unrecognized message")
        try:
            for records in self._pages(_batch(letter)):
                self._invoke(records)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _EXPIRED_ERRORS:
                raise
            raise _records_expired() from error

    def _pages(self, batch: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """Yield the records of the batch, from its first to its last sequence number."""
        last, is_complete = int(batch["endSequenceNumber"]), False
        shard = {"StreamArn": batch["streamArn"], "ShardId": batch["shardId"]}
        iterator = self.streams.get_shard_iterator(
            **shard, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=batch["startSequenceNumber"]
        )["ShardIterator"]
        while iterator and not is_complete:
            response = self.streams.get_records(ShardIterator=iterator)
            numbered = [(int(each["dynamodb"]["SequenceNumber"]), each) for each in response["Records"]]
            yield [record for number, record in numbered if number <= last]
            iterator = response.get("NextShardIterator")
            is_complete = any(number >= last for number, _ in numbered)
        if not is_complete:
            raise _records_expired()

    def _invoke(self, records: list[dict[str, Any]]) -> None:
        event = json.dumps({"Records": records}, default=_as_in_lambda_event)
        response = self.lambdas.invoke(FunctionName=self.function, Payload=event.encode())
        if "FunctionError" in response or json.loads(response["Payload"].read())["batchItemFailures"]:
            raise RedeliveryFailed("the function failed again; see its log")


def _records_expired() -> RedeliveryFailed:
    return RedeliveryFailed("records expired (24-hour stream retention)")


def _batch(letter: DeadLetter) -> dict[str, Any]:
    batch: dict[str, Any] = json.loads(letter.body)["DDBStreamBatchInfo"]
    return batch


def _as_in_lambda_event(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
