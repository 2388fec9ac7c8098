"""Handling of unexpected errors."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from imagescan_cli.exit_codes import ExitCode
from imagescan_cli.formatting import sanitize


class ErrorHandlingGroup(TyperGroup):
    """Command group that exits with 3 on unexpected exceptions. Python's own exit code 1 would mean "no match"."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raise only exceptions that Typer turns into an exit code."""
        try:
            return super().invoke(ctx)
        except (typer.TyperException, typer.Exit):
            raise
        except BrokenPipeError as error:
            _silence_output()
            raise typer.Exit(ExitCode.FAILED) from error
        except Exception as error:
            typer.echo(sanitize(f"Unexpected error: {type(error).__name__}: {error}"), err=True)
            raise typer.Exit(ExitCode.FAILED) from error


def _silence_output() -> None:
    """Redirect the output to the null device: Python flushes at exit, and a closed pipe would change the exit code."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null_device, stream.fileno())
