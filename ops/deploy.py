"""Build the service and deploy it to the stack of an environment on AWS.

samconfig.toml and the defaults of the template determine all parameters. Each deployment publishes a new version of
every function (parameter Release), so parameter changes take effect and a rolled-back deployment can be repeated.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError
from rich.console import Console

from ops.environment import Environment, environment, template_defaults
from tools import bytecode, package_check, paths
from tools.console import CommandError, step

BUILD = paths.ROOT / ".aws-sam" / "build"
BOOTSTRAP = paths.ROOT / "bootstrap" / "environment.yaml"
PULL_REQUEST_PREFIX = "pull-requests"


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    confirm: bool = True
    changes_only: bool = False
    all_at_once: bool = False
    role_arn: str = ""


def release(now: float, commit: str) -> str:
    """Return a value for the parameter Release.

    SAM names function versions after its first 10 characters, which are therefore the time in seconds.
    """
    return f"{int(now):010d}-{commit}"


def parameters_for(target: Environment, new_release: str, *, all_at_once: bool) -> dict[str, str]:
    """Return a value for every template parameter.

    A parameter that is not passed would keep the value of the previous deployment, which `sam build` does not know.
    """
    parameters = {**template_defaults(), **target.parameters, "Release": new_release}
    return parameters | ({"GradualDeployment": "false"} if all_at_once else {})


def prepare(target: Environment, account: str, s3: Any, cloudformation: Any) -> str:
    """Return the artefact bucket. Create it and the permissions boundary if they do not exist.

    Raise CommandError if the bucket belongs to another account or the stack cannot be created.
    """
    bucket = f"imagescan-{target.name}-artefacts-{account}"
    stack = f"{target.stack_name}-bootstrap"
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        _create_bootstrap_stack(target, stack, cloudformation, has_bucket=_exists(bucket, account, s3))
    return bucket


def _exists(bucket: str, account: str, s3: Any) -> bool:
    """Return whether the bucket exists. Deleting the bootstrap stack retains it."""
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
            return False
        raise CommandError(f"The bucket {bucket} exists, but your credentials have no access to it.") from error
    return True


def _create_bootstrap_stack(target: Environment, stack: str, cloudformation: Any, *, has_bucket: bool) -> None:
    parameters = {"Environment": target.name, "CreateBucket": "false" if has_bucket else "true"}
    with step(f"create artefact bucket and permissions boundary (stack {stack})"):
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=BOOTSTRAP.read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
            OnFailure="DELETE",
            Tags=[{"Key": key, "Value": value} for key, value in target.tags.items()],
        )
        try:
            cloudformation.get_waiter("stack_create_complete").wait(StackName=stack)
        except WaiterError as error:
            raise CommandError(f"The stack {stack} could not be created. See its events in CloudFormation.") from error


def deploy_arguments(target: Environment, bucket: str, parameters: Mapping[str, str], options: Options) -> list[str]:
    """Return the arguments of `sam deploy`."""
    prefix = f"{PULL_REQUEST_PREFIX}/{target.stack_name}" if options.changes_only else target.stack_name
    arguments = ["deploy", "--config-env", target.name, "--s3-bucket", bucket, "--s3-prefix", prefix]
    if options.changes_only:
        arguments.append("--no-execute-changeset")
    elif options.confirm:
        arguments.append("--confirm-changeset")
    if options.role_arn:
        arguments += ["--role-arn", options.role_arn]
    return [*arguments, "--parameter-overrides", *(f"{name}={_quoted(value)}" for name, value in parameters.items())]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def deploy(target: Environment, session: boto3.Session, options: Options) -> None:
    """Build, check and deploy. Raise CommandError if a step fails."""
    create: Any = session.client
    parameters = parameters_for(target, release(time.time(), _commit()), all_at_once=options.all_at_once)
    account = create("sts").get_caller_identity()["Account"]
    _sam(["build", "--config-env", target.name], session)
    package_check.check_libraries(BUILD, parameters["Architecture"], parameters["Runtime"])
    bytecode.compile_folder(BUILD)
    bucket = prepare(target, account, create("s3"), create("cloudformation"))
    _sam(deploy_arguments(target, bucket, parameters, options), session)


def _sam(arguments: list[str], session: boto3.Session) -> None:
    path = f"{paths.UV_BIN}{os.pathsep}{os.environ['PATH']}"
    where = ["--profile", session.profile_name] if session.profile_name != "default" else []
    where += ["--region", session.region_name] if session.region_name else []
    command = [str(paths.SAM_BIN / "sam"), *arguments[:1], *where, *arguments[1:]]
    completed = subprocess.run(command, cwd=paths.ROOT, env=os.environ | {"PATH": path}, check=False)  # noqa: S603 - arguments are a list
    if completed.returncode:
        raise CommandError(f"`sam {arguments[0]}` failed. See its output above.")


def _commit() -> str:
    command = ["git", "rev-parse", "--short=7", "HEAD"]  # a release archive has no repository
    completed = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    return completed.stdout.strip() or "archive"


def main() -> int:
    """Deploy the environment on the command line. Return 1 if that fails."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description="Deploy an environment to AWS.")
    parser.add_argument("environment", help="environment in samconfig.toml, for example staging")
    parser.add_argument("--no-confirm", action="store_true", help="execute the change set without asking")
    parser.add_argument("--changes-only", action="store_true", help="show the change set, do not execute it")
    parser.add_argument("--all-at-once", action="store_true", help="deploy without CodeDeploy, despite active alarms")
    parser.add_argument("--role-arn", default="", help="service role of CloudFormation (default: the previous one)")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")
    given = parser.parse_args()
    session = boto3.Session(profile_name=given.profile, region_name=given.region)
    options = Options(not given.no_confirm, given.changes_only, given.all_at_once, given.role_arn)
    try:
        deploy(environment(given.environment), session, options)
    except CommandError as error:
        Console(stderr=True).print(error, markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
