"""Build the web page and deploy it to the stack of an environment on AWS."""

import argparse
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from ops.environment import environment
from tools import web
from tools.console import CommandError, step

ALL_PATHS = {"Quantity": 1, "Items": ["/*"]}


def deploy(built: Path, outputs: Mapping[str, str], s3: Any, cloudfront: Any) -> None:
    """Upload a built page to the stack's bucket and invalidate CloudFront's cache.

    On CloudFront, the API has the same origin as the page, so its URL is relative.
    """
    distribution = outputs.get("DistributionId")
    api_url = "/" if distribution else outputs["ApiUrl"]
    web.publish(
        built,
        s3,
        outputs["SiteBucket"],
        api_url,
        sign_in=_sign_in(outputs),
        upload_origin=outputs.get("UploadOrigin"),
    )
    if distribution:
        batch = {"Paths": ALL_PATHS, "CallerReference": str(uuid.uuid4())}
        cloudfront.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)


def _sign_in(outputs: Mapping[str, str]) -> web.SignIn | None:
    if url := outputs.get("SignInUrl"):
        return web.SignIn(url, outputs["SignInClientId"])
    return None


def outputs_of(session: boto3.Session, name: str) -> dict[str, str]:
    """Return the outputs of a stack."""
    [stack] = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def main() -> int:
    """Deploy the page of the environment on the command line. Return 1 if that fails."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy_web", description=__doc__)
    parser.add_argument("environment", help="environment in samconfig.toml, for example staging")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")
    arguments = parser.parse_args()
    session = boto3.Session(profile_name=arguments.profile, region_name=arguments.region)
    try:
        outputs = outputs_of(session, environment(arguments.environment).stack_name)
        if "WebUrl" not in outputs:
            Console().print("The stack has no web page (WebHosting=none). Nothing was deployed.")
            return 0
        with step("deploy web page"):
            deploy(web.build(), outputs, session.client("s3"), session.client("cloudfront"))
    except CommandError as error:
        Console(stderr=True).print(error)
        return 1
    Console().print(outputs["WebUrl"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
