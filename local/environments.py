"""The environment variables of the processes that a local stack starts: none of them can reach an AWS account."""

import os
from collections.abc import Mapping

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # nosec B105 - the emulator's own
NO_ACCOUNT = CREDENTIALS | {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# Handlers inherit what the emulator is given, so it is given little.
INHERITED_BY_SERVERS = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")

# Imports without bytecode are four times slower; the others would lead Python to another environment's packages.
HARMFUL_TO_PYTHON = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def for_server(own: Mapping[str, str], inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of a server: a few of the user's, dummy credentials and its own."""
    return {name: inherited[name] for name in INHERITED_BY_SERVERS if name in inherited} | NO_ACCOUNT | dict(own)


def for_tool(aws_endpoint: str, own: Mapping[str, str], inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of the SAM CLI: the user's, for proxies and certificates, but of AWS only the emulator's."""
    kept = {name: value for name, value in inherited.items() if _is_harmless(name)}
    return kept | NO_ACCOUNT | {"AWS_ENDPOINT_URL": aws_endpoint} | dict(own)


def _is_harmless(name: str) -> bool:
    return name == "AWS_CA_BUNDLE" or not (name.startswith(("AWS_", "SAM_CLI_")) or name in HARMFUL_TO_PYTHON)
