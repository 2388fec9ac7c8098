"""What template.yaml says, with its parameters at their defaults: the tests' resources are made from it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from testing.intrinsics import NO_VALUE, Functions, Intrinsics

PATH = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags in their long form: ``!GetAtt A.B`` as ``{"Fn::GetAtt": "A.B"}``."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    argument: Any = node.value
    if isinstance(node, yaml.SequenceNode):
        argument = loader.construct_sequence(node, deep=True)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": argument}


_Loader.add_multi_constructor("!", _long_form)


class Template:
    """Resources and functions of the template; ``names`` says what references to resources resolve to."""

    def __init__(self, names: Mapping[str, str], path: Path = PATH) -> None:
        self._source = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a safe loader that knows more tags
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
        self._resolved = Intrinsics(self._source.get("Conditions", {}), functions).resolved

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """What each parameter may be, as it is written."""
        parameters: dict[str, dict[str, Any]] = self._source["Parameters"]
        return parameters

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of all functions."""
        resources = self._source["Resources"].items()
        return tuple(name for name, each in resources if each["Type"] == "AWS::Serverless::Function")

    def properties(self, resource: str, *leave_out: str) -> dict[str, Any]:
        """A resource's properties, resolved; ``leave_out`` names those that stand for nothing here."""
        written = self._source["Resources"][resource]["Properties"]
        properties: dict[str, Any] = self._resolved({name: written[name] for name in written if name not in leave_out})
        return properties

    def environment(self, function: str) -> dict[str, str]:
        """The environment variables that a function is given."""
        of_all = self._source["Globals"]["Function"]["Environment"]["Variables"]
        own = self._source["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
        variables: dict[str, str] = self._resolved(of_all | own)
        return variables

    def setting(self, function: str, name: str) -> Any:
        """What a function has of a property, its own before that of all; of a mapping the entries of both."""
        of_all = self._source["Globals"]["Function"].get(name)
        own = self._source["Resources"][function]["Properties"].get(name, of_all)
        return self._resolved(of_all | own if isinstance(of_all, dict) and isinstance(own, dict) else own)

    def handler(self, function: str) -> str:
        """The dotted path of a function's handler."""
        return str(self._source["Resources"][function]["Properties"]["Handler"])

    def _named(self, name: str) -> Any:
        return self._names.get(name, name)  # what no test needs stays a name

    def _sub(self, argument: Any) -> str:
        pattern, own = argument if isinstance(argument, list) else (argument, {})
        names = {**self._names, **self._resolved(own)}
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(names[found[1]]), pattern)

    def _select(self, argument: list[Any]) -> Any:
        index, values = self._resolved(argument)
        return values[index]

    def _split(self, argument: list[Any]) -> list[str]:
        separator, text = self._resolved(argument)
        return list(text.split(separator))
