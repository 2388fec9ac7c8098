"""AWS's CloudFormation resource schemas and IAM actions, as published with cfn-lint."""

import json
from functools import cache
from typing import Any

from tools import paths

_REGION = "us-east-1"


def schema(resource_type: str) -> dict[str, Any]:
    """Return the schema of a resource type, for example ``AWS::S3::Bucket``."""
    [data] = paths.OUTPUT_DIR.glob("env/sam/lib/python3*/site-packages/cfnlint/data")
    name = json.loads((data / "schemas" / "providers" / f"{_REGION}.json").read_text())[resource_type]
    loaded: dict[str, Any] = json.loads((data / "schemas" / "resources" / f"{name}.json").read_text())
    return loaded


@cache
def _services() -> dict[str, Any]:
    [data] = paths.OUTPUT_DIR.glob("env/sam/lib/python3*/site-packages/cfnlint/data")
    loaded: dict[str, Any] = json.loads((data / "AdditionalSpecs" / "Policies.json").read_text())
    return loaded


def is_action(action: str) -> bool:
    """Return whether IAM defines the action, for example ``s3:GetObject``."""
    service, _, name = action.partition(":")
    return name.lower() in _services().get(service, {}).get("Actions", {})


def has_resource(action: str) -> bool:
    """Return whether the action supports resource-level permissions. If not, policies need the resource ``*``."""
    service, _, name = action.partition(":")
    return bool(_services()[service]["Actions"][name.lower()].get("Resources"))
