"""The daily limit of Rekognition calls, tested on an additional stack with ``DailyRekognitionLimit``."""

import base64
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagescan.domain.policy import DAY_SECONDS
from local.client import Client, RequestJson
from local.control import RekognitionControl
from local.stack import Stack
from testing.image_variants import with_new_content
from tests.e2e.stack_admin import eventually
from tools import sam

LIMIT = 2
IMAGES = 6


@dataclass(frozen=True)
class LimitedStack:
    """Stack with a limit of ``LIMIT`` calls per day. ``names`` contains its outputs."""

    stack: Stack
    names: dict[str, str]

    @property
    def api(self) -> Client:
        """Return a client for the API."""
        return Client(f"{self.stack.aws_endpoint}/restapis/{self.names['ApiId']}/v1/_user_request_")

    def advance_one_day(self) -> dict[str, Any]:
        """Move all stored times one day back, reset the counter of today, and run the sweeper. Return its report."""
        self._shift("RequestsTable", "request_id", "created_at", "deadline")
        self._shift("ImagesTable", "image_hash", "deferred_at", "requeued_at")
        [today] = [item for item in self._items("CountersTable") if item["name"]["S"].startswith("calls#")]
        self._dynamodb.delete_item(TableName=self.names["CountersTable"], Key={"name": today["name"]})
        invoked = self.stack.client("lambda").invoke(FunctionName=self.names["SweeperFunction"])
        report: dict[str, Any] = json.loads(invoked["Payload"].read())
        return report

    def depth(self, queue: str) -> int:
        """Return the number of messages in the queue of an output, including messages in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        read = self.stack.client("sqs").get_queue_attributes(QueueUrl=self.names[queue], AttributeNames=names)
        return sum(int(read["Attributes"][name]) for name in names)

    def _shift(self, table: str, key: str, *names: str) -> None:
        for item in self._items(table):
            for name in names:
                if name in item:
                    self._dynamodb.update_item(
                        TableName=self.names[table],
                        Key={key: item[key]},
                        UpdateExpression=f"SET {name} = :earlier",
                        ExpressionAttributeValues={":earlier": _one_day_earlier(item[name])},
                    )

    def _items(self, table: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._dynamodb.scan(TableName=self.names[table])["Items"]
        return items

    @property
    def _dynamodb(self) -> Any:
        return self.stack.client("dynamodb")


@pytest.fixture
def limited(stack: Stack) -> Iterator[LimitedStack]:
    name = f"limited-{uuid.uuid4().hex[:6]}"
    parameters = {
        "AuthMode": "open",
        "Architecture": sam.architecture(),
        "IsLocalEmulator": "true",
        "ImagesBucketPrefix": name,
        "RekognitionEndpointUrl": stack.rekognition_url,
        "DailyRekognitionLimit": str(LIMIT),
        "RequestTimeoutMinutes": "1440",  # the test advances by 24 hours, not to midnight
    }
    sam.deploy(sam.build(), stack.aws_endpoint, parameters, stack_name=name)
    [deployed] = stack.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    yield LimitedStack(stack, {each["OutputKey"]: each["OutputValue"] for each in deployed["Outputs"]})
    stack.client("cloudformation").delete_stack(StackName=name)


def test_images_over_the_daily_limit_are_deferred_and_scanned_on_the_following_days(
    limited: LimitedStack, rekognition: RekognitionControl, samples: Path
) -> None:
    request_ids = _submit_new_images(limited.api, samples / "cat.jpg")
    for scanned in range(LIMIT, IMAGES + 1, LIMIT):
        eventually(lambda scanned=scanned: _statuses(limited.api, request_ids).count("completed") == scanned)  # type: ignore[misc]  # mypy cannot infer lambda defaults
        eventually(lambda: limited.depth("ScanQueueUrl") == 0)
        assert int(rekognition.calls()["total"]) == scanned
        assert limited.depth("ScanDeadLetterQueueUrl") == 0
        pending = [each for each in _get_all(limited.api, request_ids) if each["status"] == "pending"]
        assert all("daily scan limit" in each["message"] for each in pending)
        assert len(pending) == IMAGES - scanned
        if pending:
            assert limited.advance_one_day()["requeued"] == len(pending)


def _submit_new_images(api: Client, image: Path) -> list[str]:
    """Submit ``IMAGES`` images with different contents concurrently. Return the request IDs."""
    contents = [with_new_content(image.read_bytes()) for _ in range(IMAGES)]
    bodies = [{"file": base64.b64encode(content).decode(), "fileType": "image/jpeg"} for content in contents]
    with ThreadPoolExecutor(IMAGES) as pool:
        return [response.raise_for_status().json()["request_id"] for response in pool.map(api.post, bodies)]


def _get_all(api: Client, request_ids: list[str]) -> list[RequestJson]:
    return [api.get(request_id).raise_for_status().json() for request_id in request_ids]


def _statuses(api: Client, request_ids: list[str]) -> list[str]:
    return [request["status"] for request in _get_all(api, request_ids)]


def _one_day_earlier(value: dict[str, Any]) -> dict[str, Any]:
    if "NS" in value:
        return {"NS": [repr(float(at) - DAY_SECONDS) for at in value["NS"]]}
    return {"N": repr(float(value["N"]) - DAY_SECONDS)}
