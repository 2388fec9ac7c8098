"""How the process ends when a command could not do its work for a reason that nobody thought of."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from imagescan_cli.answers import Exit, printable


class Commands(TyperGroup):
    """Commands of which each unexpected exception ends with 3: the 1 of Python itself would read as a no."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was named. Raises what typer ends the process by."""
        try:
            return super().invoke(ctx)
        except (typer.TyperException, typer.Exit):
            raise
        except BrokenPipeError as unread:
            _write_no_more()
            raise typer.Exit(Exit.FAILED) from unread
        except Exception as error:
            typer.echo(printable(f"imagescan itself failed: {type(error).__name__}: {error}"), err=True)
            raise typer.Exit(Exit.FAILED) from error


def _write_no_more() -> None:
    """Nobody reads the output: Python would try once more as it ends, and end with a code of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
