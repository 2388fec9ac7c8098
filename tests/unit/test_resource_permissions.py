"""Compare the resource types in the template with the CloudFormation role, using AWS's schemas and IAM actions.

The schema of a resource type lists every action that CloudFormation may call for it, including those for properties
that the template does not use.
"""

from collections import defaultdict

import pytest

from testing import aws_data, policies
from testing.bootstrap import ACCOUNT, REGION, boundary_statements, role_statements
from testing.deployment import Deployment, parameters_of
from testing.iam_grants import EXPECTED_GRANTS
from tools import paths

OPERATIONS = ("create", "read", "update", "delete")  # CloudFormation lists resources only for imports
NAME = "imagescan-production"
HERE = f"{REGION}:{ACCOUNT}"
EXAMPLES = {
    "apigateway": [f"arn:aws:apigateway:{REGION}::/restapis/a1b2", f"arn:aws:apigateway:{REGION}::/tags/a1b2"],
    "cloudfront": [
        f"arn:aws:cloudfront::{ACCOUNT}:{kind}/E1"
        for kind in ("distribution", "origin-access-control", "response-headers-policy")
    ],
    "cloudwatch": [f"arn:aws:cloudwatch:{HERE}:alarm:{NAME}-A", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{NAME}-eu"],
    "codedeploy": [f"arn:aws:codedeploy:{HERE}:{kind}:{NAME}-App" for kind in ("application", "deploymentgroup")],
    "cognito-idp": [f"arn:aws:cognito-idp:{HERE}:userpool/{REGION}_abc"],
    "dynamodb": [f"arn:aws:dynamodb:{HERE}:table/{NAME}-Images"],
    "events": [
        f"arn:aws:events:{HERE}:{kind}"
        for kind in (f"rule/{NAME}-R", f"event-bus/{NAME}", f"connection/{NAME}-C/1", f"api-destination/{NAME}-D/1")
    ],
    "iam": [
        f"arn:aws:iam::{ACCOUNT}:role/{NAME}-SubmitRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/apidestinations.events.amazonaws.com/R",
    ],
    "lambda": [f"arn:aws:lambda:{HERE}:function:{NAME}-Submit", f"arn:aws:lambda:{HERE}:event-source-mapping:0a1b"],
    "logs": [f"arn:aws:logs:{HERE}:log-group:{NAME}-SubmitLogs"],
    "s3": [f"arn:aws:s3:::{NAME}-images-0a1b"],
    "secretsmanager": [f"arn:aws:secretsmanager:{HERE}:secret:{NAME}-key"],
    "sns": [f"arn:aws:sns:{HERE}:{NAME}-AlarmTopic"],
    "sqs": [f"arn:aws:sqs:{HERE}:{NAME}-ScanQueue"],
}
"""ARNs of the stack's resources by IAM service. The role must not need any other service."""
KEYS = {
    "iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/{NAME}-boundary",
    "iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda",
    "iam:PassedToService": "lambda.amazonaws.com",
    "lambda:FunctionArn": f"arn:aws:lambda:{HERE}:function:{NAME}-Submit",
}
NOT_NEEDED = {
    "cloudfront:CreateConnectionGroup": "only for distributions with several tenants",
    "events:PutPermission": "only for an event bus with a resource policy",
    "events:RemovePermission": "only for an event bus with a resource policy",
    "iam:DeleteRolePermissionsBoundary": "denied on purpose: it would allow a template to create an administrator",
    "logs:CreateLogDelivery": "only for log groups that another service writes to by log delivery",
    "logs:DeleteIndexPolicy": "only for a log group with field indexes",
    "logs:DeleteResourcePolicy": "only for a log group with a resource policy",
    "logs:PutIndexPolicy": "only for a log group with field indexes",
    "logs:PutResourcePolicy": "only for a log group with a resource policy",
}
FOR_OTHER_PROPERTIES = {"ec2", "elasticfilesystem", "firehose", "kinesis", "kms", "s3files", "s3tables"}
"""Services of properties that the template does not use, such as VpcConfig and KmsKeyArn."""
ALIAS_UPDATES = ("CreateDeployment", "GetDeployment", "GetDeploymentConfig", "StopDeployment")
"""Actions of CodeDeploy that CloudFormation calls to update an alias gradually. Schemas do not list update policies."""


@pytest.fixture(scope="module")
def types() -> list[str]:
    """Return the resource types of a stack with every option."""
    options = {
        "WebHosting": "cloudfront",
        "ApiAccessLogs": "true",
        "WebhookUrl": "https://example.org/scans",
        "AlarmEmail": "ann@example.org",
        "Tracing": "Active",
    }
    resources = Deployment.of(**{**parameters_of("production"), **options}).resources
    return sorted({each["Type"] for each in resources.values()})


def actions_of(resource_type: str) -> set[str]:
    """Return the IAM actions that CloudFormation calls for a resource type, including those for tags."""
    schema = aws_data.schema(resource_type)
    listed = {action for name in OPERATIONS for action in schema["handlers"].get(name, {}).get("permissions", [])}
    tagging = schema.get("tagging", {})
    assert isinstance(tagging, dict)
    return {action for action in listed | set(tagging.get("permissions", [])) if aws_data.is_action(action)}


def is_granted(action: str) -> bool:
    resources = EXAMPLES[action.split(":", maxsplit=1)[0]] if aws_data.has_resource(action) else ["*"]
    statements = role_statements("production", "CloudFormationRole")
    return any(policies.is_allowed(statements, action, each, KEYS) for each in resources)


def test_the_role_can_create_update_tag_and_delete_every_resource_type(types: list[str]) -> None:
    missing = defaultdict(set)
    for each in types:
        for action in actions_of(each):
            if action.split(":")[0] not in FOR_OTHER_PROPERTIES and action not in NOT_NEEDED and not is_granted(action):
                missing[action].add(each)
    assert missing == {}


def test_the_role_can_update_aliases_gradually() -> None:
    assert [each for each in ALIAS_UPDATES if not is_granted(f"codedeploy:{each}")] == []


def test_every_exception_is_an_action_that_a_resource_type_lists_and_the_role_lacks(types: list[str]) -> None:
    listed = set().union(*map(actions_of, types))
    assert set(NOT_NEEDED) <= listed
    assert {action for action in NOT_NEEDED if is_granted(action)} == set()
    assert {action.split(":")[0] for action in listed} >= FOR_OTHER_PROPERTIES


def test_every_granted_action_exists() -> None:
    """IAM accepts a misspelled action without an error."""
    granted = {action for role in EXPECTED_GRANTS.values() for action in role}
    for environment in ("staging", "production"):
        roles = [role_statements(environment, each) for each in ("DeployRole", "ChangeSetRole", "CloudFormationRole")]
        for statement in [*boundary_statements(environment), *(each for role in roles for each in role)]:
            granted |= set(policies.as_list(statement["Action"]))
    assert {action for action in granted if "*" not in action and not aws_data.is_action(action)} == set()


def test_actions_without_resource_level_permissions_are_granted_on_all_resources() -> None:
    """IAM never matches such an action with an ARN, so the statement would grant nothing."""
    for statement in [*role_statements("staging", "CloudFormationRole"), *boundary_statements("staging")]:
        actions = [each for each in policies.as_list(statement["Action"]) if "*" not in each]
        on_all = {each for each in actions if not aws_data.has_resource(each)}
        assert statement["Resource"] == "*" or on_all == set()
    on_resources = {
        action
        for role in EXPECTED_GRANTS.values()
        for action, resources in role.items()
        if resources != ["*"] and "*" not in action and not aws_data.has_resource(action)
    }
    assert on_resources == {"dynamodb:ListStreams"}  # the policy template of SAM names the streams as well


def test_the_template_gives_each_kind_of_resource_that_supports_tags_to_cloudformation(types: list[str]) -> None:
    """CloudFormation copies the tags of the stack to these resources. samconfig.toml sets them for each environment."""
    taggable = {each for each in types if aws_data.schema(each).get("tagging", {}).get("taggable")}
    documented = (paths.ROOT / "docs" / "deploy.md").read_text()
    assert {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::ApiGateway::RestApi"} <= taggable
    assert "`Environment` and `Product`" in documented
