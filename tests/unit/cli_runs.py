"""Runs of the command line within this process."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

type Run = Callable[..., Result]


def lines(result: Result) -> list[dict[str, Any]]:
    """The answers that a run with --json told."""
    return [json.loads(line) for line in result.stdout.splitlines()]
