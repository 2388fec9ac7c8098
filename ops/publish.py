"""Has a stack's functions called as they are configured.

SAM names a version after the code alone. A parameter that changes without it changes the function and no version, and
the alias, which all callers call, stays with the old one. This publishes such functions and points the alias there.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from rich.console import Console

from local.say import Trouble
from ops.deploy_page import stack_name

ALIAS = "live"


def functions_of(stack: str, cloudformation: Any) -> dict[str, str]:
    """The functions' names, by what the template calls them."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    functions = [each for each in found if each["ResourceType"] == "AWS::Lambda::Function"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in functions}


def publish(functions: Mapping[str, str], lambdas: Any, console: Console) -> bool:
    """Print a line for each function that changed; False when one was left alone, as a deployment is moving its alias.

    Raises WaiterError when a version does not become active.
    """
    aliases = {name: alias for name, function in functions.items() if (alias := _alias(function, lambdas))}
    settled = {name: alias for name, alias in aliases.items() if not _is_moving(alias)}
    # Each before the first is waited for: Lambda takes their snapshots, some minutes each, at the same time.
    newest = {name: lambdas.publish_version(FunctionName=functions[name])["Version"] for name in settled}
    behind = {name: alias for name, alias in settled.items() if alias["FunctionVersion"] != newest[name]}
    for name, alias in behind.items():
        _point(functions[name], alias, newest[name], lambdas)
        console.print(f"{name}: {ALIAS} is version {newest[name]} and was {alias['FunctionVersion']}.")
    for name in [name for name in aliases if name not in settled]:
        console.print(f"{name}: left alone, a gradual deployment is under way. Publish again when it is over.")
    return len(settled) == len(aliases)


def _alias(function: str, lambdas: Any) -> dict[str, Any] | None:
    try:
        alias: dict[str, Any] = lambdas.get_alias(FunctionName=function, Name=ALIAS)
    except lambdas.exceptions.ResourceNotFoundException:
        return None
    return alias


def _is_moving(alias: Mapping[str, Any]) -> bool:
    return bool(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"))


def _point(function: str, alias: Mapping[str, Any], version: str, lambdas: Any) -> None:
    lambdas.get_waiter("published_version_active").wait(FunctionName=function, Qualifier=version)
    # The revision: a deployment that has begun meanwhile is not overwritten.
    lambdas.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version, RevisionId=alias["RevisionId"])


def main() -> int:
    """Publish the functions of a stack on AWS; 1 when one was left alone, or there is no such environment."""
    parser = argparse.ArgumentParser(prog="python -m ops.publish", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("stack", nargs="?", help="the name it has on AWS")
    which.add_argument("--env", help="an environment of samconfig.toml in place of that, such as staging")
    parser.add_argument("--region", help="the credentials' own when left out")
    parser.add_argument("--profile", help="of the AWS CLI's configuration")
    wanted = parser.parse_args()
    client: Any = boto3.Session(profile_name=wanted.profile, region_name=wanted.region).client
    try:
        functions = functions_of(wanted.stack or stack_name(wanted.env), client("cloudformation"))
    except Trouble as trouble:
        Console(stderr=True).print(trouble)
        return 1
    return 0 if publish(functions, client("lambda"), Console()) else 1


if __name__ == "__main__":
    sys.exit(main())
