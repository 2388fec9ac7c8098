"""Resolve template.yaml for given parameters, after the SAM transform."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from testing.intrinsics import NO_VALUE, Intrinsics
from tools import env, paths

_NAME_IN_PATTERN = re.compile(r"\$\{([^.}!]+)")
_TRANSFORM = Path(__file__).with_name("sam_transform.py")


def parameters_of(environment: str) -> dict[str, str]:
    """Return the parameters that samconfig.toml sets for an environment."""
    config = tomllib.loads((paths.ROOT / "samconfig.toml").read_text())
    return dict(each.split("=", 1) for each in config[environment]["deploy"]["parameters"]["parameter_overrides"])


@dataclass(frozen=True)
class Deployment:
    """Resources and outputs whose condition is true, with ``Fn::If`` and parameters resolved."""

    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]

    @classmethod
    def of(cls, **parameters: str) -> "Deployment":
        """Transform the template with SAM and resolve it. SAM itself evaluates only GradualDeployment."""
        template = _transformed(parameters.get("GradualDeployment", "false"))
        defaults = {name: each.get("Default") for name, each in template["Parameters"].items()}
        values = {"AWS::NoValue": NO_VALUE, **defaults, **parameters}
        intrinsics = Intrinsics(template["Conditions"], {"Ref": lambda name: values.get(name, {"Ref": name})})
        return cls(*(_included(template[section], intrinsics) for section in ("Resources", "Outputs")))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of each resource of a type, for example ``S3::Bucket``."""
        return {
            name: each.get("Properties", {}) for name, each in self.resources.items() if each["Type"] == f"AWS::{kind}"
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Return the properties of a resource."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each policy statement with the logical ID of its resource."""
        for name, resource in self.resources.items():
            for each in _policies(resource.get("Properties", {})):
                yield from ((name, statement) for statement in each["Statement"])

    def dependencies(self) -> dict[str, set[str]]:
        """Return the resources that each resource references."""
        return {name: set(_references(each)) & set(self.resources) for name, each in self.resources.items()}

    def references(self) -> set[str]:
        """Return the names in ``Ref``, ``Fn::GetAtt``, ``Fn::Sub`` and ``DependsOn``, without pseudo parameters."""
        return {name for name in _references([self.resources, self.outputs]) if not name.startswith("AWS::")}


@cache
def _transformed(gradual_deployment: str) -> dict[str, Any]:
    command = [str(paths.SAM_PYTHON), str(_TRANSFORM), json.dumps({"GradualDeployment": gradual_deployment})]
    environment = os.environ | env.EMULATOR_CREDENTIALS
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - fixed command
    assert completed.returncode == 0, completed.stderr
    template: dict[str, Any] = json.loads(completed.stdout)
    return template


def _included(section: Mapping[str, Any], intrinsics: Intrinsics) -> dict[str, Any]:
    return {
        name: intrinsics.resolve(each)
        for name, each in section.items()
        if "Condition" not in each or intrinsics.is_true(each["Condition"])
    }


def _policies(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    inline = properties.get("Policies", [])
    holders = [properties, *inline] if isinstance(inline, list) else [properties]
    yield from (each["PolicyDocument"] for each in holders if "PolicyDocument" in each)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from chain.from_iterable(map(_references, value))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _REFERENCES.get(key, _references)(each)


def _in_pattern(argument: Any) -> Iterator[str]:
    pattern, variables = argument if isinstance(argument, list) else (argument, {})
    yield from (name for name in _NAME_IN_PATTERN.findall(pattern) if name not in variables)
    yield from _references(variables)


_REFERENCES: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "Ref": lambda name: [name],
    "Fn::GetAtt": lambda argument: [argument[0]],
    "Fn::Sub": _in_pattern,
    "DependsOn": lambda names: [names] if isinstance(names, str) else names,
}
