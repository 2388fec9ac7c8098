"""The configuration file: the same settings as on the command line, for those who use one service all the time."""

import tomllib
from pathlib import Path
from typing import Any

import typer

DEFAULT_FILE = Path(typer.get_app_dir("imagescan")) / "config.toml"
SETTINGS = frozenset({"api", "auth", "concurrency", "match", "min_confidence", "region"})


class BadConfig(Exception):
    """The file cannot be used; the text says why."""


def read(path: Path) -> dict[str, Any]:
    """The settings in a file. Raises BadConfig when it is not TOML or names a setting that there is not."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path} cannot be read: {error}") from error
    if unknown := sorted(settings.keys() - SETTINGS):
        raise BadConfig(f"{path} sets {', '.join(unknown)}; what can be set is {', '.join(sorted(SETTINGS))}")
    return settings
