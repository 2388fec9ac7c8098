"""The limit of Rekognition calls in a day, tried on a stack that is deployed with one beside the open one."""

import base64
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagescan.requests import DAY_SECONDS
from local import sam
from local.client import Answer, Client
from local.control import RekognitionControl
from local.stack import Stack
from tests.e2e.backstage import eventually

LIMIT = 2
PICTURES = 6


@dataclass(frozen=True)
class Limited:
    """A stack that may make ``LIMIT`` calls a day; ``names`` are its outputs."""

    stack: Stack
    names: dict[str, str]

    @property
    def api(self) -> Client:
        """A client of its API."""
        return Client(f"{self.stack.aws_endpoint}/restapis/{self.names['ApiId']}/v1/_user_request_")

    def pass_a_day(self) -> dict[str, Any]:
        """All that was written was written a day sooner, and the sweeper runs; what it did."""
        self._shift("RequestsTable", "request_id", "created_at", "deadline")
        self._shift("ImagesTable", "image_hash", "put_off_at", "queued_again_at")
        [today] = [row for row in self._rows("CountersTable") if row["name"]["S"].startswith("calls#")]
        self._dynamodb.delete_item(TableName=self.names["CountersTable"], Key={"name": today["name"]})
        invoked = self.stack.client("lambda").invoke(FunctionName=self.names["SweeperFunction"])
        swept: dict[str, Any] = json.loads(invoked["Payload"].read())
        return swept

    def depth(self, queue: str) -> int:
        """How many messages the queue of that output holds, those in flight among them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        read = self.stack.client("sqs").get_queue_attributes(QueueUrl=self.names[queue], AttributeNames=names)
        return sum(int(read["Attributes"][name]) for name in names)

    def _shift(self, table: str, key: str, *names: str) -> None:
        for row in self._rows(table):
            for name in names:
                if name in row:
                    self._dynamodb.update_item(
                        TableName=self.names[table],
                        Key={key: row[key]},
                        UpdateExpression=f"SET {name} = :sooner",
                        ExpressionAttributeValues={":sooner": _a_day_sooner(row[name])},
                    )

    def _rows(self, table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._dynamodb.scan(TableName=self.names[table])["Items"]
        return rows

    @property
    def _dynamodb(self) -> Any:
        return self.stack.client("dynamodb")


@pytest.fixture
def limited(stack: Stack) -> Iterator[Limited]:
    name = f"limited-{uuid.uuid4().hex[:6]}"
    parameters = {
        "AuthMode": "open",
        "Architecture": sam.architecture(),
        "IsLocalEmulator": "true",
        "ImagesBucketPrefix": name,
        "RekognitionEndpointUrl": stack.rekognition_url,
        "DailyRekognitionLimit": str(LIMIT),
        "RequestTimeoutMinutes": "1440",  # the day after begins at the hour of the test, not at midnight
    }
    sam.deploy(sam.build(), stack.aws_endpoint, parameters, stack_name=name)
    [deployed] = stack.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    yield Limited(stack, {each["OutputKey"]: each["OutputValue"] for each in deployed["Outputs"]})
    stack.client("cloudformation").delete_stack(StackName=name)


def test_what_is_over_the_limit_waits_and_is_answered_on_the_days_after(
    limited: Limited, rekognition: RekognitionControl, samples: Path
) -> None:
    asked = _ask_about_new_pictures(limited.api, samples / "cat.jpg")
    for scanned in range(LIMIT, PICTURES + 1, LIMIT):
        eventually(lambda scanned=scanned: _statuses(limited.api, asked).count("completed") == scanned)  # type: ignore[misc]  # mypy cannot type a lambda's defaults
        eventually(lambda: limited.depth("ScanQueueUrl") == 0)
        assert int(rekognition.calls()["total"]) == scanned
        assert limited.depth("ScanDeadLetterQueueUrl") == 0
        waiting = [each for each in _answers(limited.api, asked) if each["status"] == "pending"]
        assert all("waits for the budget" in each["message"] for each in waiting)
        assert len(waiting) == PICTURES - scanned
        if waiting:
            assert limited.pass_a_day()["queued_again"] == len(waiting)


def _ask_about_new_pictures(api: Client, picture: Path) -> list[str]:
    """The ids of requests about so many pictures that were never sent before, sent at the same time."""
    contents = [picture.read_bytes() + uuid.uuid4().bytes for _ in range(PICTURES)]
    bodies = [{"file": base64.b64encode(content).decode(), "fileType": "image/jpeg"} for content in contents]
    with ThreadPoolExecutor(PICTURES) as pool:
        return [response.raise_for_status().json()["request_id"] for response in pool.map(api.post, bodies)]


def _answers(api: Client, request_ids: list[str]) -> list[Answer]:
    return [api.get(request_id).raise_for_status().json() for request_id in request_ids]


def _statuses(api: Client, request_ids: list[str]) -> list[str]:
    return [answer["status"] for answer in _answers(api, request_ids)]


def _a_day_sooner(value: dict[str, Any]) -> dict[str, Any]:
    if "NS" in value:
        return {"NS": [repr(float(at) - DAY_SECONDS) for at in value["NS"]]}
    return {"N": repr(float(value["N"]) - DAY_SECONDS)}
