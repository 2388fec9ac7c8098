"""Access to a stack: the local one, or one on AWS by its name."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from local.stack import Stack


@dataclass(frozen=True, slots=True)
class StackAccess:
    """The outputs and parameters of a stack, and a factory of boto3 clients for it."""

    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select a stack."""
    parser.add_argument("stack", nargs="?", help="stack name on AWS (default: the local stack)")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")


def access(arguments: argparse.Namespace) -> StackAccess:
    """Return the selected stack. Raise CommandError if the local stack is not running."""
    return _on_aws(arguments) if arguments.stack else _local()


def _on_aws(arguments: argparse.Namespace) -> StackAccess:
    client: Any = boto3.Session(profile_name=arguments.profile, region_name=arguments.region).client
    [found] = client("cloudformation").describe_stacks(StackName=arguments.stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    return StackAccess(client, outputs, parameters)


def _local() -> StackAccess:
    stack = Stack()
    stack.require_running()
    return StackAccess(stack.client, stack.outputs(), {})  # The local stack has no webhook.
