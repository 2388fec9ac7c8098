"""What a command shows: answers on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imagescan_cli.answers import Answer, line, printable


class Output:
    """Shows answers as they come, one a line: sentences for people or JSON objects for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def show(self, answer: Answer, path: Path | None = None) -> None:
        """Shows an answer, and of which picture it is."""
        if self._as_json:
            typer.echo(json.dumps(answer if path is None else {"path": str(path), **answer}))
        else:
            typer.echo(line(answer, path))

    def note(self, text: str) -> None:
        """Tells what is no answer."""
        typer.echo(printable(text), err=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars at the foot of the terminal; none where standard error is not one."""
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Redirected, what is printed appears above the bars, but on standard error: only right where both are the terminal.
    both_shown = sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=both_shown, disable=not console.is_terminal
    ) as bars:
        yield bars
