"""Test the permissions of the pipeline's roles and the permissions boundary against the template that they deploy."""

from typing import Any

import pytest

from testing import policies
from testing.bootstrap import ACCOUNT, REGION, boundary_statements, role_statements, trust_statement
from testing.deployment import Deployment, parameters_of
from testing.iam_grants import EXPECTED_GRANTS

ANY_RESOURCE = "*"
ALL_OPTIONS = {
    "WebHosting": "cloudfront",
    "ApiAccessLogs": "true",
    "WebhookUrl": "https://example.org/scans",
    "AlarmEmail": "ann@example.org",
    "Tracing": "Active",
}
IAM_NAMES = {"Cognito": "cognito-idp"}
NAME_PROPERTIES = {
    "S3::Bucket": "BucketName",
    "Events::EventBus": "Name",
    "Events::Connection": "Name",
    "Events::ApiDestination": "Name",
    "SecretsManager::Secret": "Name",
    "CloudWatch::Dashboard": "DashboardName",
}


@pytest.fixture(params=["staging", "production"])
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def deployment(environment: str) -> Deployment:
    return Deployment.of(**{**parameters_of(environment), **ALL_OPTIONS})


def is_allowed(
    environment: str, action: str, arn: str, role: str = "CloudFormationRole", keys: dict[str, str] | None = None
) -> bool:
    """Return whether a role of the pipeline may perform the action on the resource."""
    return policies.is_allowed(role_statements(environment, role), action, arn, keys)


def test_the_role_has_permissions_for_every_service_in_the_template(deployment: Deployment, environment: str) -> None:
    kinds = {each["Type"].split("::")[1] for each in deployment.resources.values()}
    services = {IAM_NAMES.get(kind, kind.lower()) for kind in kinds}
    granted = {
        action.split(":")[0]
        for statement in role_statements(environment, "CloudFormationRole")
        for action in policies.as_list(statement["Action"])
    }
    assert services - granted == set()


def test_the_role_has_access_to_the_resources_that_the_template_names(deployment: Deployment, environment: str) -> None:
    """CloudFormation derives all other names from the stack name."""
    named = {
        name: name_pattern(properties[NAME_PROPERTIES[kind]])
        for kind in NAME_PROPERTIES
        for name, properties in deployment.of_type(kind).items()
        if NAME_PROPERTIES[kind] in properties
    }
    assert set(named) == {
        "ImagesBucket",
        "EventBus",
        "WebhookDestination",
        "WebhookConnection",
        "WebhookApiKeySecret",
        "Dashboard",
    }
    prefix = parameters_of(environment)["ImagesBucketPrefix"]
    patterns = {name: pattern.replace("${ImagesBucketPrefix}", prefix) for name, pattern in named.items()}
    allowed = ("${AWS::StackName}", f"imagescan-{environment}")
    assert {name: pattern for name, pattern in patterns.items() if not pattern.startswith(allowed)} == {}


def name_pattern(name: dict[str, Any]) -> str:
    """Return the pattern of a name in the template."""
    pattern = name["Fn::Sub"] if "Fn::Sub" in name else f"${{{name['Ref']}}}"
    return pattern if isinstance(pattern, str) else str(pattern[0])


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/payroll"),
        ("s3:GetObject", "arn:aws:s3:::payroll/2026.csv"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:payroll"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/payroll"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/payroll"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/eve"),
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payroll"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/payroll"),
        ("ec2:RunInstances", ANY_RESOURCE),
    ],
)
def test_the_role_has_no_access_to_other_resources_in_the_account(environment: str, action: str, arn: str) -> None:
    assert not is_allowed(environment, action, arn)


def test_the_role_has_no_access_to_the_other_environment(environment: str) -> None:
    both = (environment, other(environment))
    tables = [f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imagescan-{each}-Images" for each in both]
    buckets = [f"arn:aws:s3:::imagescan-{each}-images-0a1b2c3d4e5f" for each in both]
    assert [is_allowed(environment, "dynamodb:DeleteTable", table) for table in tables] == [True, False]
    assert [is_allowed(environment, "s3:DeleteBucket", bucket) for bucket in buckets] == [True, False]


def other(environment: str) -> str:
    return "staging" if environment == "production" else "production"


# ---------------------------------------------------------------- resources with generated IDs


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("apigateway:DELETE", f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3"),
        ("apigateway:PATCH", f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3/stages/v1"),
        ("cloudfront:UpdateDistribution", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
        ("cognito-idp:DeleteUserPool", f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{REGION}_abc"),
    ],
)
def test_the_role_cannot_change_tagged_resources_of_the_other_environment(
    environment: str, action: str, arn: str
) -> None:
    tagged = {each: {"aws:ResourceTag/Environment": each} for each in (environment, other(environment))}
    assert is_allowed(environment, action, arn, keys=tagged[environment])
    assert not is_allowed(environment, action, arn, keys=tagged[other(environment)])


def test_jobs_can_invalidate_only_the_distribution_of_their_environment(environment: str) -> None:
    arn = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"
    allowed = {
        each: is_allowed(
            environment, "cloudfront:CreateInvalidation", arn, "DeployRole", {"aws:ResourceTag/Environment": each}
        )
        for each in ("staging", "production")
    }
    assert allowed == {environment: True, other(environment): False}


def test_the_role_manages_event_source_mappings_of_its_own_functions_only(environment: str) -> None:
    def may_delete(function: str) -> bool:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
        return is_allowed(
            environment, "lambda:DeleteEventSourceMapping", ANY_RESOURCE, keys={"lambda:FunctionArn": arn}
        )

    assert may_delete(f"imagescan-{environment}-Scanner-0A1B:live")
    assert not may_delete(f"imagescan-{other(environment)}-Scanner-0A1B")
    assert not may_delete("payroll")


def test_the_account_settings_of_api_gateway_are_out_of_reach(environment: str) -> None:
    assert not is_allowed(environment, "apigateway:PATCH", f"arn:aws:apigateway:{REGION}::/account")


# ---------------------------------------------------------------- escalation


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def boundary_key(environment: str) -> dict[str, str]:
    return {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/imagescan-{environment}-boundary"}


@pytest.mark.parametrize(
    "action", ["CreateRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "PutRolePermissionsBoundary"]
)
def test_roles_can_be_written_only_with_the_boundary_of_the_environment(environment: str, action: str) -> None:
    role = role_arn(f"imagescan-{environment}-SubmitRole-0A1B")
    assert is_allowed(environment, f"iam:{action}", role, keys=boundary_key(environment))
    for keys in ({}, boundary_key(other(environment)), {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/Admin"}):
        assert not is_allowed(environment, f"iam:{action}", role, keys=keys)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:DeleteRolePermissionsBoundary", "role/imagescan-{}-SubmitRole-0A1B"),
        ("iam:CreatePolicyVersion", "policy/imagescan-{}-boundary"),
        ("iam:DeletePolicy", "policy/imagescan-{}-boundary"),
        ("iam:PassRole", "role/imagescan-{}-cloudformation"),
        ("iam:PutRolePolicy", "role/imagescan-{}-cloudformation"),
        ("iam:UpdateAssumeRolePolicy", "role/imagescan-{}-deploy"),
        ("iam:PutRolePolicy", "role/imagescan-{}-changes"),
    ],
)
def test_the_boundary_and_the_roles_of_the_pipeline_cannot_be_changed(
    environment: str, action: str, resource: str
) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:{resource.format(environment)}"
    keys = boundary_key(environment) | {"iam:PassedToService": "lambda.amazonaws.com"}
    assert not is_allowed(environment, action, arn, keys=keys)


@pytest.mark.parametrize(
    ("policy", "expected"), [("service-role/AWSCodeDeployRoleForLambda", True), ("AdministratorAccess", False)]
)
def test_only_the_policy_of_codedeploy_can_be_attached(environment: str, policy: str, *, expected: bool) -> None:
    role = role_arn(f"imagescan-{environment}-CodeDeployRole-0A1B")
    keys = boundary_key(environment) | {"iam:PolicyARN": f"arn:aws:iam::aws:policy/{policy}"}
    assert is_allowed(environment, "iam:AttachRolePolicy", role, keys=keys) is expected


def test_a_gradual_deployment_can_be_stopped_and_watched(environment: str) -> None:
    assert is_allowed(environment, "codedeploy:StopDeployment", ANY_RESOURCE)
    assert is_allowed(environment, "cloudwatch:DescribeAlarms", ANY_RESOURCE)


@pytest.mark.parametrize(
    ("keys", "is_trusted"), [({}, True), ({"aws:SourceAccount": ACCOUNT}, True), ({"aws:SourceAccount": "999"}, False)]
)
def test_cloudformation_can_assume_its_role_with_and_without_a_source_account(
    environment: str, keys: dict[str, str], *, is_trusted: bool
) -> None:
    """AWS documents the key aws:SourceAccount for StackSets only."""
    trust = trust_statement(environment, "CloudFormationRole")
    assert trust["Principal"] == {"Service": "cloudformation.amazonaws.com"}
    assert policies.condition_matches(trust["Condition"], keys) is is_trusted


# ---------------------------------------------------------------- permissions boundary

BOUNDED = {
    "ImagesBucket": "arn:aws:s3:::imagescan-{}-images-0a1b2c3d4e5f",
    "EventBus": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/imagescan-{{}}",
    "*": "*",
}
"""ARNs of resources. The names of all other resources start with the stack name and a hyphen."""
KINDS = {
    "Table": "dynamodb:{}:table/imagescan-{}-",
    "Queue": "sqs:{}:imagescan-{}-",
    "Logs": "logs:{}:log-group:imagescan-{}-",
}


def arn_of(resource: str, environment: str) -> str:
    name, slash, rest = resource.partition("/")
    if name in BOUNDED:
        return BOUNDED[name].format(environment) + slash + rest
    [kind] = [kind for kind in KINDS if name.endswith(kind)]
    return f"arn:aws:{KINDS[kind].format(f'{REGION}:{ACCOUNT}', environment)}{name}-0A1B{slash}{rest}"


def test_the_boundary_allows_every_grant_of_the_function_roles(environment: str) -> None:
    boundary = boundary_statements(environment)
    grants = [
        (action.rstrip("*"), resource)
        for role in EXPECTED_GRANTS.values()
        for action, resources in role.items()
        for resource in resources
    ]
    denied = {grant for grant in grants if not policies.is_allowed(boundary, grant[0], arn_of(grant[1], environment))}
    assert denied == set()


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("xray:PutTraceSegments", ANY_RESOURCE),
        ("events:InvokeApiDestination", f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/imagescan-{{}}-scans/0a1b"),
        ("lambda:GetAlias", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:imagescan-{{}}-Scanner-0A1B"),
        ("lambda:UpdateAlias", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:imagescan-{{}}-Scanner-0A1B"),
        ("cloudwatch:DescribeAlarms", ANY_RESOURCE),
    ],
)
def test_the_boundary_allows_tracing_the_webhook_and_codedeploy(environment: str, action: str, arn: str) -> None:
    assert policies.is_allowed(boundary_statements(environment), action, arn.format(environment))


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/imagescan-staging-SubmitRole"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imagescan-staging-Images"),
        ("s3:GetObject", f"arn:aws:s3:::imagescan-staging-artefacts-{ACCOUNT}/key"),
        ("s3:GetObject", "arn:aws:s3:::payroll/2026.csv"),
    ],
)
def test_the_boundary_denies_everything_else(action: str, arn: str) -> None:
    assert not policies.is_allowed(boundary_statements("staging"), action, arn)


def test_the_boundary_covers_one_environment(environment: str) -> None:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/imagescan-{other(environment)}-Images"
    assert not policies.is_allowed(boundary_statements(environment), "dynamodb:GetItem", arn)


# ---------------------------------------------------------------- change sets of pull requests


def test_pull_requests_can_show_changes_but_not_make_them(environment: str) -> None:
    stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/imagescan-{environment}/0a1b"

    def may(action: str, arn: str = stack) -> bool:
        return is_allowed(environment, action, arn, "ChangeSetRole")

    assert may("cloudformation:CreateChangeSet")
    assert may("cloudformation:DescribeChangeSet")
    assert not any(may(f"cloudformation:{each}") for each in ("ExecuteChangeSet", "UpdateStack", "DeleteStack"))
    assert not may("iam:PassRole", role_arn(f"imagescan-{environment}-cloudformation"))
    bucket = f"arn:aws:s3:::imagescan-{environment}-artefacts-{ACCOUNT}"
    assert may("s3:PutObject", f"{bucket}/pull-requests/imagescan-{environment}/0a1b")
    assert not may("s3:PutObject", f"{bucket}/imagescan-{environment}/0a1b")


@pytest.mark.parametrize("role", ["DeployRole", "ChangeSetRole"])
def test_only_tokens_of_the_repository_are_trusted(environment: str, role: str) -> None:
    subject = {"DeployRole": f"environment:{environment}", "ChangeSetRole": "pull_request"}[role]
    assert trust_statement(environment, role)["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:acme@1/imagescan@2:{subject}",
        }
    }
