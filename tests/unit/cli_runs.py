"""In-process runs of the command line."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

type Run = Callable[..., Result]


def lines(result: Result) -> list[dict[str, Any]]:
    """Return the results printed by a run with --json."""
    return [json.loads(line) for line in result.stdout.splitlines()]
