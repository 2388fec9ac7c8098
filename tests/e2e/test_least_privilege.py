"""Least privilege: call each action with the credentials of each function role.

Every grant in ``EXPECTED_GRANTS`` must be allowed, and all other calls must be denied. Change a role in the template
and its expected grants together.
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
from local.stack import Stack
from testing.iam_grants import EXPECTED_GRANTS, STREAMS, Grant, grants_for
from tools.env import REGION
from tools.sam import STACK_NAME

NOT_PROBED = {
    "rekognition:DetectLabels",  # the Rekognition emulator accepts any credentials
    "rekognition:DetectModerationLabels",
    "rekognition:DetectText",
    "dynamodb:DescribeStream",  # Lambda reads the streams, and the emulator does not check permissions for it
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
NOT_EVALUATED = NOT_PROBED | {
    "logs:CreateLogStream",  # the emulator always denies it because its log group ARNs do not end with :*
    "logs:PutLogEvents",  # same reason
}

TABLES = ["ImagesTable", "RequestsTable", "CountersTable", "ForeignTable"]
INDEX_KEYS = {
    "RequestsTable/index/pending_by_image": "waiting_for",
    "RequestsTable/index/by_created_at": "list_shard",
    "ImagesTable/index/purge_candidates": "marked_for_purge",
}
BUCKETS = ["ImagesBucket", "SiteBucket", "ForeignBucket"]
OBJECTS = [
    "ImagesBucket/images/*",
    "ImagesBucket/uploads/*",
    "ImagesBucket/elsewhere/*",
    "SiteBucket/*",
    "ForeignBucket/images/*",
]
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
    "PurgerLogs",
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
S3_TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})
ALLOWED_BUT_INVALID = {"ReceiptHandleIsInvalid"}  # authorized; only the invalid argument was rejected
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@dataclass(frozen=True)
class PhysicalResources:
    """Physical names of the resources, and the version ID of an existing object in each folder of ``OBJECTS``."""

    physical: dict[str, str]
    versions: dict[str, str | None] = field(default_factory=dict)

    def arn(self, name: str) -> str:
        """Return the ARN of a resource."""
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
        """Return the SDK arguments that identify a resource."""
        resource, slash, rest = name.partition("/")
        if resource in TABLES:
            return {"TableName": self.physical[resource]} | ({"IndexName": rest.partition("/")[2]} if rest else {})
        if resource in BUCKETS:
            return {"Bucket": self.physical[resource]} | ({"Key": rest.replace("*", PROBE)} if slash else {})
        if resource in QUEUES:
            return {"QueueUrl": self.physical[resource]}
        return {"logGroupName": self.physical[resource]} if resource in LOGS else {}


def no_arguments(_: PhysicalResources, __: str) -> dict[str, Any]:
    return {}


def item_key(_: PhysicalResources, name: str) -> dict[str, Any]:
    return {"Key": {KEYS[name]: {"S": PROBE}}}


def batch_keys(resources: PhysicalResources, name: str) -> dict[str, Any]:
    return {"RequestItems": {resources.physical[name]: {"Keys": [item_key(resources, name)["Key"]]}}}


def event_entries(resources: PhysicalResources, name: str) -> dict[str, Any]:
    return {
        "Entries": [{"EventBusName": resources.physical[name], "Source": PROBE, "DetailType": PROBE, "Detail": "{}"}]
    }


@dataclass(frozen=True)
class Probe:
    """SDK call that needs an action, on each resource in ``names``. ``more`` returns the additional arguments."""

    action: str
    method: str
    names: list[str] = field(default_factory=lambda: ["*"])
    more: Callable[[PhysicalResources, str], dict[str, Any]] = no_arguments
    where: Callable[[PhysicalResources, str], dict[str, Any]] = PhysicalResources.where

    def is_allowed(self, name: str, session: boto3.Session, endpoint: str, resources: PhysicalResources) -> bool:
        """Return whether the call is authorized. Raise ClientError for any error other than a denial."""
        create: Any = session.client
        call = getattr(create(self.action.split(":")[0], endpoint_url=endpoint), self.method)
        try:
            call(**self.where(resources, name), **self.more(resources, name))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in DENIED | ALLOWED_BUT_INVALID:
                raise
            return code in ALLOWED_BUT_INVALID
        return True


PROBES = [
    Probe("dynamodb:GetItem", "get_item", TABLES, item_key),
    Probe("dynamodb:UpdateItem", "update_item", TABLES, item_key),
    Probe("dynamodb:DeleteItem", "delete_item", TABLES, item_key),
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
    Probe("dynamodb:BatchGetItem", "batch_get_item", TABLES, where=batch_keys),
    Probe("dynamodb:DescribeTable", "describe_table", TABLES),
    Probe("dynamodb:DeleteTable", "delete_table", ["ForeignTable"]),
    # the web page is public on a local stack
    Probe("s3:GetObject", "get_object", [name for name in OBJECTS if name != "SiteBucket/*"]),
    Probe(
        "s3:GetObjectVersion",
        "get_object",
        OBJECTS[:2],
        lambda resources, name: {"VersionId": resources.versions[name]},
    ),
    Probe("s3:PutObject", "put_object", OBJECTS, lambda *_: {"Body": b""}),
    Probe("s3:DeleteObject", "delete_object", OBJECTS),
    Probe("s3:DeleteObjectVersion", "delete_object", OBJECTS[:2], lambda *_: {"VersionId": uuid.uuid4().hex}),
    Probe("s3:ListBucket", "list_objects_v2", BUCKETS),
    Probe("s3:ListBucketVersions", "list_object_versions", BUCKETS),
    Probe("s3:GetBucketPolicy", "get_bucket_policy", BUCKETS),
    Probe("s3:DeleteBucket", "delete_bucket", ["ForeignBucket"]),
    Probe("sqs:ReceiveMessage", "receive_message", QUEUES, lambda *_: {"VisibilityTimeout": 0}),
    Probe("sqs:SendMessage*", "send_message", QUEUES, lambda *_: {"MessageBody": S3_TEST_EVENT}),
    Probe("sqs:DeleteMessage", "delete_message", QUEUES, lambda *_: {"ReceiptHandle": PROBE}),
    Probe(
        "sqs:ChangeMessageVisibility*",
        "change_message_visibility",
        QUEUES,
        lambda *_: {"ReceiptHandle": PROBE, "VisibilityTimeout": 0},
    ),
    Probe("sqs:GetQueueAttributes", "get_queue_attributes", QUEUES),
    Probe("sqs:PurgeQueue", "purge_queue", ["ForeignQueue"]),
    Probe("events:PutEvents", "put_events", BUSES, where=event_entries),
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
def resources(stack: Stack) -> Iterator[PhysicalResources]:
    """Return the resources of the stack and foreign ones, after storing readable objects in them."""
    listed = stack.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    own = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}
    combined = PhysicalResources(own | _make_foreign(stack))
    put, logs = stack.client("s3").put_object, stack.client("logs")
    versions = {name: put(**combined.where(name), Body=b"").get("VersionId") for name in OBJECTS}
    for name in LOGS:
        logs.create_log_stream(**combined.where(name), logStreamName=PROBE)
    yield PhysicalResources(combined.physical, versions)
    _remove(stack, combined)


@pytest.mark.parametrize("role", EXPECTED_GRANTS)
def test_a_role_allows_exactly_the_expected_grants(stack: Stack, resources: PhysicalResources, role: str) -> None:
    session = _session_of(stack, resources.physical[role])
    calls = [(probe, name) for probe in PROBES for name in probe.names]
    allowed = {
        (probe.action, name) for probe, name in calls if probe.is_allowed(name, session, stack.aws_endpoint, resources)
    }
    assert allowed == {grant for grant in grants_for(role) if grant[0] not in NOT_EVALUATED}


@pytest.mark.parametrize("role", EXPECTED_GRANTS)
def test_the_policies_of_a_role_contain_exactly_the_expected_grants(
    stack: Stack, resources: PhysicalResources, role: str
) -> None:
    known = {*TABLES, *INDEX_KEYS, *STREAMS, *BUCKETS, *OBJECTS, *QUEUES, *BUSES, *LOGS}
    names = {resources.arn(name): name for name in known} | {"*": "*"}
    granted = {(action, names.get(arn, arn)) for action, arn in _granted(stack, resources.physical[role])}
    assert granted == grants_for(role)


def test_every_role_in_the_template_has_expected_grants(stack: Stack) -> None:
    resources = _processed(stack)
    assert set(EXPECTED_GRANTS) == {
        name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role" and "Condition" not in each
    }


def test_every_expected_grant_is_probed() -> None:
    probed = {(probe.action, name) for probe in PROBES for name in probe.names}
    assert {action for action, _ in set().union(*map(grants_for, EXPECTED_GRANTS)) - probed} == NOT_PROBED


def test_only_lambda_can_assume_the_roles(stack: Stack, resources: PhysicalResources) -> None:
    for role in EXPECTED_GRANTS:
        [statement] = stack.client("iam").get_role(RoleName=resources.physical[role])["Role"][
            "AssumeRolePolicyDocument"
        ]["Statement"]
        assert (statement["Action"], statement["Principal"]) == (
            "sts:AssumeRole",
            {"Service": "lambda.amazonaws.com"},
        )


def test_invoke_permissions_are_restricted_to_a_source(stack: Stack) -> None:
    permissions = [each for each in _processed(stack).values() if each["Type"] == "AWS::Lambda::Permission"]
    assert permissions
    assert [each for each in permissions if "SourceArn" not in each["Properties"]] == []


def test_the_emulator_rejects_unknown_credentials(stack: Stack) -> None:
    unknown = boto3.Session("AKIAUNKNOWN", "secret", region_name=REGION)
    with pytest.raises(ClientError, match=r"UnrecognizedClientException|InvalidClientTokenId"):
        unknown.client("dynamodb", endpoint_url=stack.aws_endpoint).list_tables()


def test_a_deployed_function_runs_with_the_permissions_of_its_role(
    stack: Stack, resources: PhysicalResources, api: Client
) -> None:
    iam, role = stack.client("iam"), resources.physical["StatusRole"]
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
    credentials = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName=PROBE)["Credentials"]
    return boto3.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region_name=REGION
    )


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
    """Return the resources of the template after the SAM transform."""
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


def _remove(stack: Stack, resources: PhysicalResources) -> None:
    dynamodb, s3 = stack.client("dynamodb"), stack.client("s3")
    for name in TABLES:
        dynamodb.delete_item(**resources.where(name), **item_key(resources, name))
    for name in OBJECTS:
        s3.delete_object(**resources.where(name))
    dynamodb.delete_table(**resources.where("ForeignTable"))
    s3.delete_bucket(**resources.where("ForeignBucket"))
    stack.client("sqs").delete_queue(**resources.where("ForeignQueue"))
    stack.client("logs").delete_log_group(**resources.where("ForeignLogs"))
    stack.client("events").delete_event_bus(Name=resources.physical["ForeignBus"])
