"""Read the roles and the boundary of the bootstrap templates."""

from typing import Any

from testing.template import Template
from tools import paths

ACCOUNT, REGION = "111122223333", "eu-west-1"


def bootstrap_properties(template: str, environment: str, resource: str) -> dict[str, Any]:
    """Return the resolved properties of a resource in a bootstrap template."""
    names = {
        "Environment": environment,
        "Repository": "acme@1/imagescan@2",
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "CloudFormationRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/imagescan-{environment}-cloudformation",
    }
    return Template(names, paths.ROOT / "bootstrap" / template).properties(resource)


def role_statements(environment: str, role: str) -> list[dict[str, Any]]:
    """Return the statements of a role of the pipeline: DeployRole, ChangeSetRole or CloudFormationRole."""
    [policy] = bootstrap_properties("github-role.yaml", environment, role)["Policies"]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements


def trust_statement(environment: str, role: str) -> dict[str, Any]:
    """Return the statement of a role's trust policy."""
    [statement] = bootstrap_properties("github-role.yaml", environment, role)["AssumeRolePolicyDocument"]["Statement"]
    trust: dict[str, Any] = statement
    return trust


def boundary_statements(environment: str) -> list[dict[str, Any]]:
    """Return the statements of the permissions boundary."""
    policy = bootstrap_properties("environment.yaml", environment, "Boundary")["PolicyDocument"]
    statements: list[dict[str, Any]] = policy["Statement"]
    return statements
