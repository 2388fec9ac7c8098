"""Check that the API of a deployed environment responds and requires the authentication of its AuthMode."""

import argparse
import sys

import boto3
import httpx
from rich.console import Console

from ops.deploy_web import outputs_of
from ops.environment import environment

UNKNOWN_REQUEST = "/scanrequest/00000000-0000-4000-8000-000000000000"
EXPECTED = {"open": (404, "request_not_found"), "iam": (404, "not_signed"), "cognito": (401, "not_signed_in")}
"""Status and code of the response to an anonymous request for an unknown request ID, by AuthMode."""


def check(http: httpx.Client, api_url: str, auth_mode: str) -> str | None:
    """Send an anonymous request. Return a description of the difference if the response is not the expected one."""
    response = http.get(f"{api_url}{UNKNOWN_REQUEST}")
    found = (response.status_code, _code(response))
    if found == EXPECTED[auth_mode]:
        return None
    return f"Expected {_format(EXPECTED[auth_mode])} with AuthMode={auth_mode}, got {_format(found)} from {api_url}."


def _code(response: httpx.Response) -> str:
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return "no code"


def _format(response: tuple[int, str]) -> str:
    return f"{response[0]} {response[1]}"


def main() -> int:
    """Check the environment on the command line. Return 1 if the response is not the expected one."""
    parser = argparse.ArgumentParser(prog="python -m ops.check_api", description=__doc__)
    parser.add_argument("environment", help="environment in samconfig.toml, for example staging")
    parser.add_argument("--region", help="AWS Region (default: from your credentials)")
    parser.add_argument("--profile", help="AWS CLI profile")
    given = parser.parse_args()
    session = boto3.Session(profile_name=given.profile, region_name=given.region)
    outputs = outputs_of(session, environment(given.environment).stack_name)
    transport = httpx.HTTPTransport(retries=3)
    with httpx.Client(transport=transport, timeout=30) as http:
        difference = check(http, outputs["ApiUrl"], outputs["AuthMode"])
    Console().print(difference or f"{outputs['ApiUrl']} responds as expected.", markup=False, soft_wrap=True)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
