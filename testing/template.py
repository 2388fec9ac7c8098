"""Read template.yaml with default parameters. Tests create their resources from it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from testing.intrinsics import NO_VALUE, Functions, Intrinsics

PATH = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Parses short-form tags to their long form: ``!GetAtt A.B`` to ``{"Fn::GetAtt": "A.B"}``."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    argument: Any = node.value
    if isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": argument}


_Loader.add_multi_constructor("!", _long_form)


class Template:
    """Resources and functions of the template. ``names`` contains the values of references to resources."""

    def __init__(self, names: Mapping[str, str], path: Path = PATH) -> None:
        self._source = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader with additional tags
        parameters = self._source["Parameters"].items()
        defaults = {name: str(spec["Default"]) for name, spec in parameters if "Default" in spec}
        self._names = {"AWS::NoValue": NO_VALUE, **defaults, **names}
        functions: Functions = {
            "Ref": self._named,
            "Fn::GetAtt": self._named,
            "Fn::Sub": self._sub,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
        }
        self._resolve = Intrinsics(self._source.get("Conditions", {}), functions).resolve

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """Return the parameter declarations, unresolved."""
        parameters: dict[str, dict[str, Any]] = self._source["Parameters"]
        return parameters

    @property
    def functions(self) -> tuple[str, ...]:
        """Return the logical IDs of all functions."""
        resources = self._source["Resources"].items()
        return tuple(name for name, each in resources if each["Type"] == "AWS::Serverless::Function")

    def properties(self, resource: str, *exclude: str) -> dict[str, Any]:
        """Return the resolved properties of a resource, without those in ``exclude``."""
        written = self._source["Resources"][resource]["Properties"]
        properties: dict[str, Any] = self._resolve({name: written[name] for name in written if name not in exclude})
        return properties

    def environment(self, function: str) -> dict[str, str]:
        """Return the environment variables of a function."""
        from_globals = self._source["Globals"]["Function"]["Environment"]["Variables"]
        own = self._source["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
        variables: dict[str, str] = self._resolve(from_globals | own)
        return variables

    def setting(self, function: str, name: str) -> Any:
        """Return a function property. Values of the function override Globals, and mappings are merged."""
        from_globals = self._source["Globals"]["Function"].get(name)
        own = self._source["Resources"][function]["Properties"].get(name, from_globals)
        return self._resolve(from_globals | own if isinstance(from_globals, dict) and isinstance(own, dict) else own)

    def handler(self, function: str) -> str:
        """Return the handler path of a function."""
        return str(self._source["Resources"][function]["Properties"]["Handler"])

    def _named(self, name: str) -> Any:
        return self._names.get(name, name)  # names that no test needs stay unresolved

    def _sub(self, argument: Any) -> str:
        pattern, variables = argument if isinstance(argument, list) else (argument, {})
        names = {**self._names, **self._resolve(variables)}
        return re.sub(r"\$\{([^}]+)\}", lambda match: str(names[match[1]]), pattern)

    def _select(self, argument: list[Any]) -> Any:
        index, values = self._resolve(argument)
        return values[index]

    def _split(self, argument: list[Any]) -> list[str]:
        separator, text = self._resolve(argument)
        return list(text.split(separator))
