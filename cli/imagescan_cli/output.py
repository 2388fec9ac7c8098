"""Output of the commands: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imagescan_cli.formatting import format_result, sanitize
from imagescan_cli.schemas import RequestJson


class Output:
    """Print one result per line: a sentence for people, or a JSON object for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, result: RequestJson, path: Path | None = None) -> None:
        """Print a result on standard output, with the path of its image if there is one."""
        if self._as_json:
            typer.echo(json.dumps(result if path is None else {"path": str(path), **result}))
        else:
            typer.echo(format_result(result, path))

    def note(self, text: str) -> None:
        """Print a note on standard error."""
        typer.echo(sanitize(text), err=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Draw progress bars on standard error. Draw nothing if standard error is not a terminal."""
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Redirection moves printed lines above the bars, to standard error. That is correct only if both are the terminal.
    is_stdout_terminal = sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=is_stdout_terminal, disable=not console.is_terminal
    ) as bars:
        yield bars
