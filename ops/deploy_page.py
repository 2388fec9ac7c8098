"""Builds the web page and puts it where the stack of an environment on AWS serves it."""

import argparse
import sys
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from local import page, paths
from local.say import Trouble, step

EVERYTHING = {"Quantity": 1, "Items": ["/*"]}


def stack_name(environment: str) -> str:
    """The name that samconfig.toml gives the environment's stack."""
    config = tomllib.loads((paths.ROOT / "samconfig.toml").read_text())
    try:
        return str(config[environment]["deploy"]["parameters"]["stack_name"])
    except KeyError as unknown:
        raise Trouble(f"samconfig.toml deploys no environment called {environment!r}") from unknown


def deploy(built: Path, outputs: Mapping[str, str], s3: Any, cloudfront: Any) -> None:
    """Puts a built page into the stack's bucket; on CloudFront the page finds the API under its own address."""
    distribution = outputs.get("DistributionId")
    page.publish(built, s3, outputs["SiteBucket"], "/" if distribution else outputs["ApiUrl"], _sign_in(outputs))
    if distribution:
        batch = {"Paths": EVERYTHING, "CallerReference": str(uuid.uuid4())}
        cloudfront.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)


def _sign_in(outputs: Mapping[str, str]) -> page.SignIn | None:
    if url := outputs.get("SignInUrl"):
        return page.SignIn(url, outputs["SignInClientId"])
    return None


def main() -> int:
    """Deploys the page of the environment named on the command line; 1 when that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy_page", description=__doc__)
    parser.add_argument("environment", help="an environment of samconfig.toml, such as staging")
    parser.add_argument("--region", help="the credentials' own when left out")
    parser.add_argument("--profile", help="of the AWS CLI's configuration")
    wanted = parser.parse_args()
    session = boto3.Session(profile_name=wanted.profile, region_name=wanted.region)
    try:
        outputs = _outputs(session, stack_name(wanted.environment))
        with step("web page is deployed"):
            deploy(page.build(), outputs, session.client("s3"), session.client("cloudfront"))
    except Trouble as trouble:
        Console(stderr=True).print(trouble)
        return 1
    Console().print(outputs["WebUrl"])
    return 0


def _outputs(session: boto3.Session, name: str) -> dict[str, str]:
    [stack] = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


if __name__ == "__main__":
    sys.exit(main())
