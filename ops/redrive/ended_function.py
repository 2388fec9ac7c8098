"""Places in the tables' streams whose records were not announced and counted in six hours.

Lambda writes such a message for a stream's batch that failed to the end (Lambda developer guide, "Retaining discarded
batches for a DynamoDB event source"). It names the records and does not hold them.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.redrive.letters import Letter, NotTaken, Reason

_FORGOTTEN = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})


@dataclass(frozen=True, slots=True)
class EndedFunction:
    """The function that was to announce and count them; ``streams`` and ``lambdas`` are boto3 clients."""

    streams: Any
    lambdas: Any
    function: str
    name: str = "the function that sends events"

    def reason(self, letter: Letter) -> Reason:
        """Which records it stands for."""
        try:
            batch = _batch(letter)
            _, table, *_ = batch["streamArn"].split("/")
            return Reason(f"{batch['batchSize']} changes of {table} since {batch['approximateArrivalOfFirstRecord']}")
        except (ValueError, KeyError, TypeError):
            return Reason("no message of Lambda about a stream", is_poison=True)

    def give_back(self, letter: Letter) -> None:
        """Tell the function of the records once more, as the stream has them."""
        if self.reason(letter).is_poison:
            raise NotTaken("nobody knows how to read it")
        try:
            for records in self._pages(_batch(letter)):
                self._tell(records)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _FORGOTTEN:
                raise
            raise _forgotten() from error

    def _pages(self, batch: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The records from the batch's first to its last."""
        last, is_over = int(batch["endSequenceNumber"]), False
        where = {"StreamArn": batch["streamArn"], "ShardId": batch["shardId"]}
        iterator = self.streams.get_shard_iterator(
            **where, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=batch["startSequenceNumber"]
        )["ShardIterator"]
        while iterator and not is_over:
            answer = self.streams.get_records(ShardIterator=iterator)
            numbered = [(int(each["dynamodb"]["SequenceNumber"]), each) for each in answer["Records"]]
            yield [record for number, record in numbered if number <= last]
            iterator, is_over = answer.get("NextShardIterator"), any(number >= last for number, _ in numbered)
        if not is_over:
            raise _forgotten()

    def _tell(self, records: list[dict[str, Any]]) -> None:
        event = json.dumps({"Records": records}, default=_as_lambda_has_it)
        answer = self.lambdas.invoke(FunctionName=self.function, Payload=event.encode())
        if "FunctionError" in answer or json.loads(answer["Payload"].read())["batchItemFailures"]:
            raise NotTaken("the function failed again, and its log says why")


def _forgotten() -> NotTaken:
    return NotTaken("the stream, which remembers for 24 hours, has forgotten them")


def _batch(letter: Letter) -> dict[str, Any]:
    batch: dict[str, Any] = json.loads(letter.body)["DDBStreamBatchInfo"]
    return batch


def _as_lambda_has_it(value: Any) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
