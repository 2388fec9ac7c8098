"""Build the web page and deploy it to the stack of an environment on AWS."""

import argparse
import sys
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from tools import paths, web
from tools.console import CommandError, step

ALL_PATHS = {"Quantity": 1, "Items": ["/*"]}


def stack_name(environment: str) -> str:
    """Return the stack name of the environment in samconfig.toml. Raise CommandError for an unknown environment."""
    config = tomllib.loads((paths.ROOT / "samconfig.toml").read_text())
    try:
        return str(config[environment]["deploy"]["parameters"]["stack_name"])
    except KeyError as unknown:
        raise CommandError(f"samconfig.toml has no environment {environment!r}") from unknown


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


def main() -> int:
    """Deploy the page of the environment on the command line. Return 1 if that fails."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy_web", description=__doc__)
    parser.add_argument("environment", help="environment in samconfig.toml, for example staging")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")
    arguments = parser.parse_args()
    session = boto3.Session(profile_name=arguments.profile, region_name=arguments.region)
    try:
        outputs = _outputs(session, stack_name(arguments.environment))
        with step("deploy web page"):
            deploy(web.build(), outputs, session.client("s3"), session.client("cloudfront"))
    except CommandError as error:
        Console(stderr=True).print(error)
        return 1
    Console().print(outputs["WebUrl"])
    return 0


def _outputs(session: boto3.Session, name: str) -> dict[str, str]:
    [stack] = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


if __name__ == "__main__":
    sys.exit(main())
