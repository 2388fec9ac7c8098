"""Compare every AWS call of the functions with the permissions of their roles.

A scenario runs each use case and records the calls of each function with their resources. A second test finds the calls
in the source code, so that a new call cannot be missing from the scenario.
"""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import botocore.client
import pytest

from imagescan.domain.policy import DAY_SECONDS
from imagescan.use_cases.purge_deleted_images import PURGE_DELAY_SECONDS
from testing import aws_data
from testing.functions import Context, Functions, image_bytes, proxy_event
from testing.iam_grants import Grant, grants_for
from testing.images import png
from testing.moto_environment import MINUTE, MotoEnvironment, hash_of
from testing.moto_environments import MakeEnvironment
from testing.resources import BUCKET, COUNTERS, IMAGES, QUEUE_URL, REQUESTS, TEMPLATE
from tools import paths

CAT = image_bytes()
TABLES = {IMAGES: "ImagesTable", REQUESTS: "RequestsTable", COUNTERS: "CountersTable"}
ACTIONS = {
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility*",
    "sqs:SendMessageBatch": "sqs:SendMessage*",
}
"""Operations that IAM checks as another action."""
VERSIONED = {"s3:GetObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion"}
"""Actions that IAM checks instead if the call contains a version ID."""
BY_LAMBDA = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}
"""Actions that Lambda performs with the role of the function."""
WITHOUT_CALL = {
    ("ScannerRole", "s3:ListBucket", "ImagesBucket"),  # S3 checks it to return 404 instead of 403
    ("PurgerRole", "s3:ListBucket", "ImagesBucket"),
    ("SubmitRole", "s3:ListBucket", "ImagesBucket"),  # the same for a copy
    ("EventPublisherRole", "sqs:SendMessage*", "EventStreamDeadLetterQueue"),  # Lambda sends failed batches
}


class Recorder:
    """Records the calls that each function makes while it runs."""

    def __init__(self) -> None:
        self.grants: dict[str, set[Grant]] = defaultdict(set)
        self.operations: set[str] = set()
        self.function: str | None = None

    def record(self, service: str, operation: str, parameters: dict[str, Any]) -> None:
        if self.function:
            self.operations.add(f"{service}:{operation}")
            role = TEMPLATE.setting(self.function, "Role")
            self.grants[str(role).removesuffix(".Arn")] |= set(grants_of(service, operation, parameters))


def grants_of(service: str, operation: str, parameters: dict[str, Any]) -> Iterator[Grant]:
    """Yield the grants that IAM checks for a call."""
    action = f"{service}:{operation}"
    if action == "dynamodb:TransactWriteItems":
        for item in parameters["TransactItems"]:
            [(kind, write)] = item.items()
            yield f"dynamodb:{kind}Item", TABLES[write["TableName"]]
    elif action == "dynamodb:BatchGetItem":
        yield from ((action, TABLES[table]) for table in parameters["RequestItems"])
    elif service == "dynamodb":
        index = f"/index/{parameters['IndexName']}" if "IndexName" in parameters else ""
        yield action, TABLES[parameters["TableName"]] + index
    elif service == "s3":
        yield from s3_grants(ACTIONS.get(action, action), parameters)
    elif service == "sqs":
        assert parameters["QueueUrl"] == QUEUE_URL
        yield ACTIONS.get(action, action), "ScanQueue"
    elif service == "events":
        yield action, "EventBus"
    else:  # Rekognition reads the image with the permissions of its caller
        s3_object = parameters["Image"]["S3Object"]
        yield action, "*"
        yield from s3_grants("s3:GetObject", {"VersionId": s3_object.get("Version"), "Key": s3_object["Name"]})


def s3_grants(action: str, parameters: dict[str, Any]) -> Iterator[Grant]:
    if action == "s3:CopyObject":
        yield "s3:GetObject", _folder(parameters["CopySource"]["Key"])
        yield "s3:PutObject", _folder(parameters["Key"])
    elif "Delete" in parameters:
        assert all(each["VersionId"] for each in parameters["Delete"]["Objects"])
        yield from ((action, _folder(each["Key"])) for each in parameters["Delete"]["Objects"])
    elif "Key" not in parameters:
        yield action, "ImagesBucket"
    else:
        yield (VERSIONED.get(action, action) if parameters.get("VersionId") else action), _folder(parameters["Key"])


def _folder(key: str) -> str:
    return f"ImagesBucket/{key.partition('/')[0]}/*"


def _call_method() -> Callable[[Any, str, dict[str, Any]], Any]:
    """Return the method of the SDK through which every call passes."""
    method: Callable[[Any, str, dict[str, Any]], Any] = getattr(botocore.client.BaseClient, "_make_api_call")  # noqa: B009 - mypy does not know it
    return method


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Record the calls of all SDK clients while a function runs."""
    recorder, call, running = Recorder(), _call_method(), Functions.running

    def recorded_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        recorder.record(client.meta.service_model.service_name, operation, parameters)
        return call(client, operation, parameters)

    @contextmanager
    def recorded_function(functions: Functions, name: str) -> Iterator[Any]:
        with running(functions, name) as handler:
            recorder.function = name
            try:
                yield handler
            finally:
                recorder.function = None

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", recorded_call)
    monkeypatch.setattr(Functions, "running", recorded_function)
    return recorder


@pytest.fixture
def after_scenario(recorder: Recorder, make_environment: MakeEnvironment) -> Recorder:
    """Run every use case once and return what was recorded."""
    with make_environment(DAILY_REKOGNITION_LIMIT="1000", DAILY_LIMIT_PER_CALLER="1000") as env:
        scan_and_read(env)
        retry_and_settle(env)
        reopen(env)
        upload_later(env)
        scan_for_features(env)
        call_as_owner(env)
        delete_and_purge(env)
        env.streams.deliver_all()
        env.functions.invoke("StatsFunction", proxy_event("GET"))
        submit_after_expiry(env)
    return recorder


def scan_and_read(env: MotoEnvironment) -> None:
    body = {"file": b64encode(CAT).decode(), "fileType": "image/png", "label": "cat"}
    ids = [env.functions.post(body, headers={"Idempotency-Key": key}).body["request_id"] for key in ("a", "a", "b")]
    read(env, ids)  # while they are pending, their image is read as well
    env.trigger.deliver_all()
    read(env, ids)


def submit_after_expiry(env: MotoEnvironment) -> None:
    for seconds in (2 * DAY_SECONDS, 100 * DAY_SECONDS):
        env.pass_time(seconds)
        env.functions.submit(CAT)
        env.trigger.deliver_all()
    env.pass_time(100 * DAY_SECONDS)
    declared = {"sha256": hash_of(CAT), "size": len(CAT), "fileType": "image/png"}
    env.upload(CAT, env.functions.post(declared).body)  # only the scanner sees that the content has expired
    env.trigger.deliver_all()


def read(env: MotoEnvironment, ids: list[str]) -> None:
    env.functions.get(ids[0])
    question = proxy_event("POST", '{"label": "dog"}') | {"pathParameters": {"request_id": ids[0]}}
    env.functions.invoke("AskFollowUpFunction", question)
    for query in (None, {"ids": ",".join(ids)}):
        env.functions.invoke("ListRequestsFunction", proxy_event("GET") | {"queryStringParameters": query})


def retry_and_settle(env: MotoEnvironment) -> None:
    env.detector.errors.extend([(400, "InvalidParameterException"), (400, "ThrottlingException")])
    for shade in (1, 2):  # the scanner reads the start of the first image and returns the second to the queue
        env.functions.submit(png(80, 80, shade=shade))
        env.trigger.deliver()
    env.pass_time(11 * MINUTE)
    env.trigger.deliver_all()
    env.functions.submit(png(80, 80, shade=3))
    env.resources.delete_messages()
    env.pass_time(11 * MINUTE)
    sweep_first_page_only(env)
    env.functions.sweep()  # starts at the second page
    env.functions.sweep()  # starts at the first page
    env.resources.delete_messages()
    env.pass_time(81 * MINUTE)
    env.functions.sweep()  # settles the request as failed


class OnePage(Context):
    """The context of a run that is out of time after its first page."""

    checks = 0

    def get_remaining_time_in_millis(self) -> int:
        self.checks += 1
        return 110_000 if self.checks == 1 else 0


def sweep_first_page_only(env: MotoEnvironment) -> None:
    """Sweep more requests than a page has, so that the position is stored."""
    [pending] = [item["request_id"]["S"] for item in env.resources.items(REQUESTS, index="pending_by_image")]
    env.resources.copy_request(pending, 100)
    with env.functions.running("SweeperFunction") as handler:
        assert not handler({}, OnePage())["is_complete"]


def reopen(env: MotoEnvironment) -> None:
    """Submit an image whose attempts are exhausted."""
    image = png(80, 80, shade=4)
    item = {"image_hash": {"S": hash_of(image)}, "is_exhausted": {"BOOL": True}, "exhausted_at": {"NS": ["1"]}}
    env.resources.dynamodb.put_item(TableName=IMAGES, Item=item)
    env.functions.submit(image)
    env.trigger.deliver_all()


def upload_later(env: MotoEnvironment) -> None:
    """Submit an image by its hash, and send its bytes with the same key. The scanner reads their start."""
    image = png(80, 80, shade=5)
    declared = {"sha256": hash_of(image), "size": len(image), "fileType": "image/png"}
    posted = {"file": b64encode(image).decode(), "fileType": "image/png"}
    env.detector.errors.append((400, "InvalidParameterException"))
    for body in (declared, posted):
        assert env.functions.post(body, headers={"Idempotency-Key": "upload"}).status == 202
    env.trigger.deliver_all()


def scan_for_features(env: MotoEnvironment) -> None:
    """Scan an image for two features, and then, by its hash, for another one. Copy its posted bytes, and an upload."""
    for shade, scanned_for in ((8, {"label": "cat"}), (9, {"features": ["labels", "text"]})):
        image = png(80, 80, shade=shade)
        posted = {"file": b64encode(image).decode(), "fileType": "image/png"} | scanned_for
        request_id = env.functions.post(posted).body["request_id"]
        env.functions.get(request_id)
        env.trigger.deliver_all()
        declared = {"sha256": hash_of(image), "size": len(image), "fileType": "image/png", "features": ["moderation"]}
        assert env.functions.post(declared).body["upload"] is None
        env.trigger.deliver_all()


def call_as_owner(env: MotoEnvironment) -> None:
    """Submit by hash and upload, read while the image is not received, and delete, as an authenticated caller."""
    image, caller = png(80, 80, shade=6), {"requestContext": {"authorizer": {"claims": {"sub": "ann"}}}}
    posted = {"file": b64encode(png(80, 80, shade=7)).decode(), "fileType": "image/png"}
    assert env.functions.post(posted, **caller).status == 202
    declared = {"sha256": hash_of(image), "size": len(image), "fileType": "image/png"}
    request = env.functions.post(declared, **caller).body
    path = {"pathParameters": {"request_id": request["request_id"]}}
    for function, event in (("StatusFunction", proxy_event("GET")), ("AskFollowUpFunction", proxy_event("POST", "{}"))):
        env.functions.invoke(function, event | path | caller)
    env.functions.invoke("ListRequestsFunction", proxy_event("GET") | caller)
    env.pass_time(11 * MINUTE)
    env.functions.sweep()
    env.upload(image, request)
    env.trigger.deliver_all()
    # as if the upload was received during the deletion, so that its image is marked by the purger
    possession = {"image_hash": {"S": f"possessions/{hash_of(image)}/ann"}}
    env.resources.dynamodb.delete_item(TableName=IMAGES, Key=possession)
    env.functions.invoke("DeleteFunction", proxy_event("DELETE") | path | caller)


def delete_and_purge(env: MotoEnvironment) -> None:
    [request_id, *_] = [item["request_id"]["S"] for item in env.resources.items(REQUESTS)]
    for each in env.resources.items(REQUESTS):
        env.functions.delete(each["request_id"]["S"])
    env.functions.get(request_id)
    env.pass_time(PURGE_DELAY_SECONDS + 1)
    env.functions.purge()
    assert hash_of(CAT) not in {item["image_hash"]["S"] for item in env.resources.items(IMAGES)}
    assert not env.resources.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"images/{hash_of(CAT)}").get("Contents")


def test_each_function_role_allows_exactly_the_calls_of_its_function(after_scenario: Recorder) -> None:
    made = after_scenario.grants
    roles = {str(TEMPLATE.setting(each, "Role")).removesuffix(".Arn") for each in TEMPLATE.functions}
    needed = {
        role: {(action, name) for action, name in grants_for(role) if not without_call(role, action, name)}
        for role in roles
    }
    assert {role: made[role] for role in roles} == needed


def without_call(role: str, action: str, name: str) -> bool:
    return action in BY_LAMBDA or (role, action, name) in WITHOUT_CALL


def test_the_scenario_contains_every_call_in_the_source(after_scenario: Recorder) -> None:
    in_source = set()
    for path in (paths.ROOT / "src").rglob("*.py"):
        in_source |= set(re.findall(r"\bclient\.(\w+)\(|get_paginator\(\"(\w+)\"\)", path.read_text()))
    names = {direct or paginated for direct, paginated in in_source} - {"get_paginator", "generate_presigned_url"}
    operations = {operation.split(":")[1] for operation in after_scenario.operations}
    assert {name for name in names if name.title().replace("_", "") not in operations} == set()


def test_iam_defines_every_action_of_the_scenario(after_scenario: Recorder) -> None:
    actions = {action for grants in after_scenario.grants.values() for action, _ in grants}
    assert {action for action in actions if not aws_data.is_action(action.rstrip("*"))} == set()
    renamed = {*ACTIONS, "dynamodb:TransactWriteItems", "s3:CopyObject"}
    assert {operation for operation in after_scenario.operations if not aws_data.is_action(operation)} == renamed
