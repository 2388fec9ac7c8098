"""Read the environments of samconfig.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tools import paths
from tools.console import CommandError


@dataclass(frozen=True)
class Environment:
    """An environment in samconfig.toml: its stack, its template parameters and its tags."""

    name: str
    stack_name: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def environment(name: str) -> Environment:
    """Return the environment. Raise CommandError if samconfig.toml does not define it."""
    config = tomllib.loads((paths.ROOT / "samconfig.toml").read_text())
    try:
        settings = config[name]["global"]["parameters"]
    except KeyError as unknown:
        raise CommandError(f"samconfig.toml has no environment {name!r}") from unknown
    tags = config[name]["deploy"]["parameters"]["tags"]
    return Environment(name, settings["stack_name"], _pairs(settings["parameter_overrides"]), _pairs(tags))


def template_defaults() -> dict[str, str]:
    """Return the default of each template parameter."""
    template = yaml.load((paths.ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 # nosec B506 - a SafeLoader
    return {name: str(parameter["Default"]) for name, parameter in template["Parameters"].items()}


def _pairs(entries: list[str]) -> dict[str, str]:
    pairs = (entry.split("=", 1) for entry in entries)
    return {name: re.sub(r'^"(.*)"$', r"\1", value) for name, value in pairs}


class _Loader(yaml.SafeLoader):
    """Ignores the tags of intrinsic functions, which parameters do not contain."""


def _ignored(_: yaml.SafeLoader, __: str, ___: yaml.Node) -> Any:
    return None


_Loader.add_multi_constructor("!", _ignored)
