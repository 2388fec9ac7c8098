"""What each function's role may do, tried with the role's own credentials; all else is tried too, and denied.

A role in the template and its row change together: one that may do more, or less, than its row fails.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.client import Client
from local.environments import REGION
from local.sam import STACK_NAME
from local.stack import Stack
from tests.iam_grants import EXPECTED_GRANTS, STREAMS, Grant, grants_for

NOT_TRIED = {
    "rekognition:DetectLabels",  # the stand-in takes any credentials
    "dynamodb:DescribeStream",  # Lambda itself reads the streams, and the emulator's asks for nobody's leave
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
NOT_JUDGED = NOT_TRIED | {
    "logs:CreateLogStream",  # the emulator denies it all: to it a log group's ARN has no :* at its end, as AWS's has
    "logs:PutLogEvents",  # likewise
}

TABLES = ["ImagesTable", "RequestsTable", "CountersTable", "ForeignTable"]
INDEX_KEYS = {
    "RequestsTable/index/pending_by_image": "waiting_for",
    "RequestsTable/index/by_created_at": "list_shard",
    "ImagesTable/index/purge_candidates": "to_remove",
}
BUCKETS = ["ImagesBucket", "SiteBucket", "ForeignBucket"]
OBJECTS = ["ImagesBucket/images/*", "ImagesBucket/elsewhere/*", "SiteBucket/*", "ForeignBucket/images/*"]
QUEUES = ["ScanQueue", "ScanDeadLetterQueue", "EventStreamDeadLetterQueue", "ForeignQueue"]
BUSES = ["EventBus", "ForeignBus"]
LOGS = [
    "SubmitLogs",
    "StatusLogs",
    "AskFollowUpLogs",
    "ListRequestsLogs",
    "DeleteLogs",
    "ScannerLogs",
    "SweeperLogs",
    "EventPublisherLogs",
    "StatsLogs",
    "ForeignLogs",
]
KEYS = {
    "ImagesTable": "image_hash",
    "RequestsTable": "request_id",
    "CountersTable": "name",
    "ForeignTable": "id",
} | INDEX_KEYS
PROBE = "probe"
NOTHING_TO_DO = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})
ALLOWED_BUT_INVALID = {"ReceiptHandleIsInvalid"}  # the call was let in, and only then was its made-up argument refused
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@dataclass(frozen=True)
class Places:
    """What the names stand for on the emulator, and the version of an object that is there to be read."""

    physical: dict[str, str]
    version: str = ""

    def arn(self, name: str) -> str:
        """How IAM knows it."""
        resource, slash, rest = name.partition("/")
        physical, here = self.physical[resource], f"{REGION}:000000000000"
        if resource in TABLES:
            return f"arn:aws:dynamodb:{here}:table/{physical}{slash}{rest}"
        if resource in BUCKETS:
            return f"arn:aws:s3:::{physical}{slash}{rest}"
        if resource in QUEUES:
            return f"arn:aws:sqs:{here}:{physical.rpartition('/')[2]}"
        if resource in BUSES:
            return f"arn:aws:events:{here}:event-bus/{physical}"
        return f"arn:aws:logs:{here}:log-group:{physical}:*"

    def where(self, name: str) -> dict[str, str]:
        """How an SDK call names it."""
        resource, slash, rest = name.partition("/")
        if resource in TABLES:
            return {"TableName": self.physical[resource]} | ({"IndexName": rest.partition("/")[2]} if rest else {})
        if resource in BUCKETS:
            return {"Bucket": self.physical[resource]} | ({"Key": rest.replace("*", PROBE)} if slash else {})
        if resource in QUEUES:
            return {"QueueUrl": self.physical[resource]}
        return {"logGroupName": self.physical[resource]} if resource in LOGS else {}


def no_arguments(_: Places, __: str) -> dict[str, Any]:
    return {}


def the_key(_: Places, name: str) -> dict[str, Any]:
    return {"Key": {KEYS[name]: {"S": PROBE}}}


def one_of_many(places: Places, name: str) -> dict[str, Any]:
    return {"RequestItems": {places.physical[name]: {"Keys": [the_key(places, name)["Key"]]}}}


def on_the_bus(places: Places, name: str) -> dict[str, Any]:
    return {"Entries": [{"EventBusName": places.physical[name], "Source": PROBE, "DetailType": PROBE, "Detail": "{}"}]}


@dataclass(frozen=True)
class Probe:
    """A call that needs the action, tried on each of these; ``more`` are its arguments apart from the resource."""

    action: str
    method: str
    names: list[str] = field(default_factory=lambda: ["*"])
    more: Callable[[Places, str], dict[str, Any]] = no_arguments
    where: Callable[[Places, str], dict[str, Any]] = Places.where

    def is_allowed(self, name: str, session: boto3.Session, endpoint: str, places: Places) -> bool:
        """Whether the call succeeds; an error other than a denial is an error."""
        create: Any = session.client
        call = getattr(create(self.action.split(":")[0], endpoint_url=endpoint), self.method)
        try:
            call(**self.where(places, name), **self.more(places, name))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in DENIED | ALLOWED_BUT_INVALID:
                raise
            return code in ALLOWED_BUT_INVALID
        return True


PROBES = [
    Probe("dynamodb:GetItem", "get_item", TABLES, the_key),
    Probe("dynamodb:UpdateItem", "update_item", TABLES, the_key),
    Probe("dynamodb:DeleteItem", "delete_item", TABLES, the_key),
    Probe("dynamodb:PutItem", "put_item", TABLES, lambda _, name: {"Item": {KEYS[name]: {"S": PROBE}}}),
    Probe("dynamodb:Scan", "scan", [*TABLES, *INDEX_KEYS], lambda *_: {"Limit": 1}),
    Probe(
        "dynamodb:Query",
        "query",
        [*TABLES, *INDEX_KEYS],
        lambda _, name: {
            "KeyConditionExpression": f"{KEYS[name]} = :key",
            "ExpressionAttributeValues": {":key": {"S": PROBE}},
        },
    ),
    Probe("dynamodb:BatchGetItem", "batch_get_item", TABLES, where=one_of_many),
    Probe("dynamodb:DescribeTable", "describe_table", TABLES),
    Probe("dynamodb:DeleteTable", "delete_table", ["ForeignTable"]),
    # the page itself is open to everybody on a local stack
    Probe("s3:GetObject", "get_object", [name for name in OBJECTS if name != "SiteBucket/*"]),
    Probe("s3:GetObjectVersion", "get_object", OBJECTS[:1], lambda places, _: {"VersionId": places.version}),
    Probe("s3:PutObject", "put_object", OBJECTS, lambda *_: {"Body": b""}),
    Probe("s3:DeleteObject", "delete_object", OBJECTS),
    Probe("s3:DeleteObjectVersion", "delete_object", OBJECTS[:1], lambda *_: {"VersionId": uuid.uuid4().hex}),
    Probe("s3:ListBucket", "list_objects_v2", BUCKETS),
    Probe("s3:ListBucketVersions", "list_object_versions", BUCKETS),
    Probe("s3:GetBucketPolicy", "get_bucket_policy", BUCKETS),
    Probe("s3:DeleteBucket", "delete_bucket", ["ForeignBucket"]),
    Probe("sqs:ReceiveMessage", "receive_message", QUEUES, lambda *_: {"VisibilityTimeout": 0}),
    Probe("sqs:SendMessage", "send_message", QUEUES, lambda *_: {"MessageBody": NOTHING_TO_DO}),
    Probe("sqs:DeleteMessage", "delete_message", QUEUES, lambda *_: {"ReceiptHandle": PROBE}),
    Probe(
        "sqs:ChangeMessageVisibility*",
        "change_message_visibility",
        QUEUES,
        lambda *_: {"ReceiptHandle": PROBE, "VisibilityTimeout": 0},
    ),
    Probe("sqs:GetQueueAttributes", "get_queue_attributes", QUEUES),
    Probe("sqs:PurgeQueue", "purge_queue", ["ForeignQueue"]),
    Probe("events:PutEvents", "put_events", BUSES, where=on_the_bus),
    Probe("logs:CreateLogStream", "create_log_stream", LOGS, lambda *_: {"logStreamName": uuid.uuid4().hex}),
    Probe(
        "logs:PutLogEvents",
        "put_log_events",
        LOGS,
        lambda *_: {
            "logStreamName": PROBE,
            "logEvents": [{"timestamp": int(time.time() * 1000), "message": PROBE}],
        },
    ),
    Probe("logs:FilterLogEvents", "filter_log_events", LOGS),
    Probe("cloudformation:DescribeStacks", "describe_stacks"),
    Probe("cloudwatch:ListMetrics", "list_metrics"),
    Probe("dynamodb:ListTables", "list_tables"),
    Probe("events:ListRules", "list_rules"),
    Probe("iam:ListRoles", "list_roles"),
    Probe("kms:ListKeys", "list_keys"),
    Probe("lambda:ListFunctions", "list_functions"),
    Probe("s3:ListAllMyBuckets", "list_buckets"),
    Probe("secretsmanager:ListSecrets", "list_secrets"),
    Probe("sns:ListTopics", "list_topics"),
    Probe("sqs:ListQueues", "list_queues"),
    Probe("ssm:DescribeParameters", "describe_parameters"),
]


@pytest.fixture(scope="module")
def places(stack: Stack) -> Iterator[Places]:
    """The stack's resources and foreign ones, with something in them to be read."""
    listed = stack.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    own = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}
    everything = Places(own | _make_foreign(stack))
    put, logs = stack.client("s3").put_object, stack.client("logs")
    version, *_ = [put(**everything.where(name), Body=b"").get("VersionId") for name in OBJECTS]
    for name in LOGS:
        logs.create_log_stream(**everything.where(name), logStreamName=PROBE)
    yield Places(everything.physical, version)
    _remove(stack, everything)


@pytest.mark.parametrize("role", EXPECTED_GRANTS)
def test_a_role_may_do_what_its_row_says_and_nothing_else(stack: Stack, places: Places, role: str) -> None:
    session = _session_of(stack, places.physical[role])
    tried = [(probe, name) for probe in PROBES for name in probe.names]
    may = {(probe.action, name) for probe, name in tried if probe.is_allowed(name, session, stack.aws_endpoint, places)}
    assert may == {grant for grant in grants_for(role) if grant[0] not in NOT_JUDGED}


@pytest.mark.parametrize("role", EXPECTED_GRANTS)
def test_every_grant_of_a_role_is_in_itsrow(stack: Stack, places: Places, role: str) -> None:
    known = {*TABLES, *INDEX_KEYS, *STREAMS, *BUCKETS, *OBJECTS, *QUEUES, *BUSES, *LOGS}
    names = {places.arn(name): name for name in known} | {"*": "*"}
    granted = {(action, names.get(arn, arn)) for action, arn in _granted(stack, places.physical[role])}
    assert granted == grants_for(role)


def test_every_role_of_the_template_has_arow(stack: Stack) -> None:
    resources = _processed(stack)
    assert set(EXPECTED_GRANTS) == {
        name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role" and "Condition" not in each
    }


def test_every_grant_is_tried_on_each_resource_of_its_kind() -> None:
    tried = {(probe.action, name) for probe in PROBES for name in probe.names}
    assert {action for action, _ in set().union(*map(grants_for, EXPECTED_GRANTS)) - tried} == NOT_TRIED


def test_only_lambda_may_take_a_role_on(stack: Stack, places: Places) -> None:
    for role in EXPECTED_GRANTS:
        [statement] = stack.client("iam").get_role(RoleName=places.physical[role])["Role"]["AssumeRolePolicyDocument"][
            "Statement"
        ]
        assert (statement["Action"], statement["Principal"]) == (
            "sts:AssumeRole",
            {"Service": "lambda.amazonaws.com"},
        )


def test_whoever_may_invoke_a_function_is_named_with_the_source(stack: Stack) -> None:
    permissions = [each for each in _processed(stack).values() if each["Type"] == "AWS::Lambda::Permission"]
    assert permissions
    assert [each for each in permissions if "SourceArn" not in each["Properties"]] == []


def test_the_emulator_turns_strangers_away(stack: Stack) -> None:
    stranger = boto3.Session("AKIASTRANGER", "secret", region_name=REGION)
    with pytest.raises(ClientError, match=r"UnrecognizedClientException|InvalidClientTokenId"):
        stranger.client("dynamodb", endpoint_url=stack.aws_endpoint).list_tables()


def test_a_deployed_function_is_judged_by_its_role(stack: Stack, places: Places, api: Client) -> None:
    iam, role = stack.client("iam"), places.physical["StatusRole"]
    assert api.get(str(uuid.uuid4())).status_code == 404
    policy = iam.get_role_policy(RoleName=role, PolicyName="status")
    iam.delete_role_policy(RoleName=role, PolicyName="status")
    try:
        assert api.get(str(uuid.uuid4())).status_code == 500
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="status", PolicyDocument=json.dumps(policy["PolicyDocument"]))
    assert api.get(str(uuid.uuid4())).status_code == 404


def _session_of(stack: Stack, role: str) -> boto3.Session:
    arn = f"arn:aws:iam::000000000000:role/{role}"
    given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName=PROBE)["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION)


def _granted(stack: Stack, role: str) -> Iterator[Grant]:
    iam = stack.client("iam")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            yield from ((action, arn) for action in _each(statement["Action"]) for arn in _each(statement["Resource"]))


def _each(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _processed(stack: Stack) -> dict[str, Any]:
    """The template's resources after SAM's transform."""
    template = stack.client("cloudformation").get_template(StackName=STACK_NAME, TemplateStage="Processed")
    resources: dict[str, Any] = template["TemplateBody"]["Resources"]
    return resources


def _make_foreign(stack: Stack) -> dict[str, str]:
    name = f"foreign-{uuid.uuid4().hex[:8]}"
    stack.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    stack.client("s3").create_bucket(Bucket=name)
    stack.client("logs").create_log_group(logGroupName=name)
    queue = stack.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    stack.client("events").create_event_bus(Name=name)
    return {"ForeignBus": name, "ForeignTable": name, "ForeignBucket": name, "ForeignLogs": name, "ForeignQueue": queue}


def _remove(stack: Stack, places: Places) -> None:
    dynamodb, s3 = stack.client("dynamodb"), stack.client("s3")
    for name in TABLES:
        dynamodb.delete_item(**places.where(name), **the_key(places, name))
    for name in OBJECTS:
        s3.delete_object(**places.where(name))
    dynamodb.delete_table(**places.where("ForeignTable"))
    s3.delete_bucket(**places.where("ForeignBucket"))
    stack.client("sqs").delete_queue(**places.where("ForeignQueue"))
    stack.client("logs").delete_log_group(**places.where("ForeignLogs"))
    stack.client("events").delete_event_bus(Name=places.physical["ForeignBus"])
