"""Build the environment variables of subprocesses, so that none of them can reach an AWS account."""

import os
from collections.abc import Mapping

REGION = "us-east-1"
EMULATOR_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",  # nosec B105 - the emulator accepts any key
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# Lambda handlers inherit the emulator's environment, so the emulator inherits as little as possible.
INHERITED_BY_SERVERS = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")

# Imports without bytecode are four times slower. The other variables make Python load packages of another environment.
SCRUBBED_VARIABLES = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def server_env(extra: Mapping[str, str], inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of a server: a few of the user's variables, emulator credentials and `extra`."""
    kept = {name: inherited[name] for name in INHERITED_BY_SERVERS if name in inherited}
    return kept | EMULATOR_CREDENTIALS | dict(extra)


def tool_env(aws_endpoint: str, extra: Mapping[str, str], inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of the SAM CLI.

    It keeps the user's variables, such as proxies and certificates, and replaces all AWS settings with the emulator's.
    """
    kept = {name: value for name, value in inherited.items() if _is_kept(name)}
    return kept | EMULATOR_CREDENTIALS | {"AWS_ENDPOINT_URL": aws_endpoint} | dict(extra)


def _is_kept(name: str) -> bool:
    return name == "AWS_CA_BUNDLE" or not (name.startswith(("AWS_", "SAM_CLI_")) or name in SCRUBBED_VARIABLES)
