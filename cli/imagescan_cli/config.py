"""Configuration file: defaults for command line options."""

import tomllib
from pathlib import Path
from typing import Any

import typer

DEFAULT_FILE = Path(typer.get_app_dir("imagescan")) / "config.toml"
SETTINGS = frozenset({"api_url", "auth", "concurrency", "match_mode", "min_confidence", "region", "remove_metadata"})


class ConfigError(Exception):
    """The configuration file is invalid. The text gives the reason."""


def read(path: Path) -> dict[str, Any]:
    """Return the settings in a file. Raise ConfigError if it is not valid TOML or contains an unknown setting."""
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read {path}: {error}") from error
    if unknown := sorted(settings.keys() - SETTINGS):
        allowed = ", ".join(sorted(SETTINGS))
        raise ConfigError(f"Unknown settings in {path}: {', '.join(unknown)}. Allowed settings: {allowed}.")
    return settings
