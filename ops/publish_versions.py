"""Publish new versions of functions whose configuration changed, and point their `live` alias to them.

SAM publishes a new version only when code changes. A parameter change alone updates the function but not the version
that the alias points to, so callers do not see it.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from rich.console import Console

from ops.deploy_web import stack_name
from tools.console import CommandError

ALIAS = "live"


def functions_of(stack: str, cloudformation: Any) -> dict[str, str]:
    """Return the names of the stack's functions by their logical IDs."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    functions = [each for each in resources if each["ResourceType"] == "AWS::Lambda::Function"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in functions}


def publish_versions(functions: Mapping[str, str], lambdas: Any, console: Console) -> bool:
    """Publish the functions that changed and print one line for each.

    Return False if a function was skipped because a gradual deployment is shifting its alias. Raise WaiterError if a
    version does not become active.
    """
    aliases = {name: alias for name, function in functions.items() if (alias := _alias(function, lambdas))}
    stable = {name: alias for name, alias in aliases.items() if not _is_shifting(alias)}
    # Publish all versions before waiting for the first: Lambda then takes their snapshots (minutes each) in parallel.
    newest = {name: lambdas.publish_version(FunctionName=functions[name])["Version"] for name in stable}
    outdated = {name: alias for name, alias in stable.items() if alias["FunctionVersion"] != newest[name]}
    for name, alias in outdated.items():
        _update_alias(functions[name], alias, newest[name], lambdas)
        console.print(f"{name}: {ALIAS} now points to version {newest[name]} (previously {alias['FunctionVersion']}).")
    for name in [name for name in aliases if name not in stable]:
        console.print(
            f"{name}: skipped. A gradual deployment is in progress. Run the command again when it is complete."
        )
    return len(stable) == len(aliases)


def _alias(function: str, lambdas: Any) -> dict[str, Any] | None:
    try:
        alias: dict[str, Any] = lambdas.get_alias(FunctionName=function, Name=ALIAS)
    except lambdas.exceptions.ResourceNotFoundException:
        return None
    return alias


def _is_shifting(alias: Mapping[str, Any]) -> bool:
    return bool(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"))


def _update_alias(function: str, alias: Mapping[str, Any], version: str, lambdas: Any) -> None:
    lambdas.get_waiter("published_version_active").wait(FunctionName=function, Qualifier=version)
    # The revision ID prevents overwriting a deployment that started in the meantime.
    lambdas.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version, RevisionId=alias["RevisionId"])


def main() -> int:
    """Publish the functions of a stack on AWS. Return 1 if one was skipped or the environment is unknown."""
    parser = argparse.ArgumentParser(prog="python -m ops.publish_versions", description=__doc__)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("stack", nargs="?", help="stack name on AWS")
    target.add_argument("--env", help="environment in samconfig.toml instead of a stack name, for example staging")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")
    arguments = parser.parse_args()
    client: Any = boto3.Session(profile_name=arguments.profile, region_name=arguments.region).client
    try:
        functions = functions_of(arguments.stack or stack_name(arguments.env), client("cloudformation"))
    except CommandError as error:
        Console(stderr=True).print(error)
        return 1
    return 0 if publish_versions(functions, client("lambda"), Console()) else 1


if __name__ == "__main__":
    sys.exit(main())
