"""What a deployment of template.yaml with some parameters consists of."""

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

from local import environments, paths

_NO_VALUE = object()
_NAME_IN_A_PATTERN = re.compile(r"\$\{([^.}!]+)")
_TRANSFORM = Path(__file__).with_name("sam_transform.py")


def parameters_of(environment: str) -> dict[str, str]:
    """The parameters that samconfig.toml gives an environment."""
    config = tomllib.loads((paths.ROOT / "samconfig.toml").read_text())
    return dict(each.split("=", 1) for each in config[environment]["deploy"]["parameters"]["parameter_overrides"])


@dataclass(frozen=True)
class Deployment:
    """Resources and outputs that its conditions let in, with every ``Fn::If`` and parameter resolved."""

    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]

    @classmethod
    def of(cls, **parameters: str) -> "Deployment":
        """Transformed by SAM itself, which looks at one of the parameters only."""
        template = _transformed(parameters.get("GradualDeployment", "false"))
        resolve = _Resolver(template, parameters)
        return cls(resolve.section("Resources"), resolve.section("Outputs"))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each resource of a type, such as ``S3::Bucket``."""
        return {
            name: each.get("Properties", {}) for name, each in self.resources.items() if each["Type"] == f"AWS::{kind}"
        }

    def properties(self, name: str) -> dict[str, Any]:
        """A resource's properties."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of every policy, with the resource that holds it."""
        for name, resource in self.resources.items():
            for each in _policies(resource.get("Properties", {})):
                yield from ((name, statement) for statement in each["Statement"])

    def needs(self) -> dict[str, set[str]]:
        """What each resource waits for when the stack is made: those that it points to."""
        return {name: set(_references(each)) & set(self.resources) for name, each in self.resources.items()}

    def references(self) -> set[str]:
        """The names of resources that ``Ref``, ``Fn::GetAtt``, ``Fn::Sub`` and ``DependsOn`` point to."""
        return {name for name in _references([self.resources, self.outputs]) if not name.startswith("AWS::")}


@cache
def _transformed(gradual_deployment: str) -> dict[str, Any]:
    command = [str(paths.SAM_PYTHON), str(_TRANSFORM), json.dumps({"GradualDeployment": gradual_deployment})]
    environment = os.environ | environments.NO_ACCOUNT
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr
    template: dict[str, Any] = json.loads(done.stdout)
    return template


class _Resolver:
    def __init__(self, template: dict[str, Any], parameters: Mapping[str, str]) -> None:
        self._template = template
        defaults = {name: each.get("Default") for name, each in template["Parameters"].items()}
        self._values = {"AWS::NoValue": _NO_VALUE, **defaults, **parameters}

    def section(self, name: str) -> dict[str, Any]:
        return {key: self._resolved(each) for key, each in self._template[name].items() if self._is_let_in(each)}

    def _is_let_in(self, resource: dict[str, Any]) -> bool:
        return self._holds(resource["Condition"]) if "Condition" in resource else True

    def _holds(self, condition: str) -> bool:
        return bool(self._resolved(self._template["Conditions"][condition]))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._resolved, value) if each is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        [(name, argument), *more] = value.items() or [("", None)]
        if not more and name in self._FUNCTIONS:
            return self._FUNCTIONS[name](self, argument)
        resolved = {key: self._resolved(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        return self._values.get(name, {"Ref": name})

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self._resolved(then if self._holds(condition) else otherwise)

    def _equals(self, argument: list[Any]) -> bool:
        left, right = map(self._resolved, argument)
        return bool(left == right)

    def _join(self, argument: list[Any]) -> Any:
        separator, parts = argument[0], self._resolved(argument[1])
        return separator.join(parts) if isinstance(parts, list) and all(isinstance(p, str) for p in parts) else parts

    _FUNCTIONS: Mapping[str, Any] = {
        "Ref": _ref,
        "Fn::If": _if,
        "Fn::Equals": _equals,
        "Fn::Join": _join,
        "Fn::Not": lambda self, argument: not self._resolved(argument[0]),
        "Fn::And": lambda self, argument: all(map(self._resolved, argument)),
        "Fn::Or": lambda self, argument: any(map(self._resolved, argument)),
        "Condition": lambda self, name: self._holds(name),
    }


def _policies(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    of_a_role = properties.get("Policies", [])
    holders = [properties, *of_a_role] if isinstance(of_a_role, list) else [properties]
    yield from (each["PolicyDocument"] for each in holders if "PolicyDocument" in each)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from chain.from_iterable(map(_references, value))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _REFERENCES.get(key, _references)(each)


def _in_a_pattern(argument: Any) -> Iterator[str]:
    pattern, own = argument if isinstance(argument, list) else (argument, {})
    yield from (name for name in _NAME_IN_A_PATTERN.findall(pattern) if name not in own)
    yield from _references(own)


_REFERENCES: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "Ref": lambda name: [name],
    "Fn::GetAtt": lambda argument: [argument[0]],
    "Fn::Sub": _in_a_pattern,
    "DependsOn": lambda names: [names] if isinstance(names, str) else names,
}
