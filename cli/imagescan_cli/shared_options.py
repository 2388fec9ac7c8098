"""Options that are accepted before and after the command, and the handling of unexpected errors."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from imagescan_cli import config
from imagescan_cli.auth import Auth, AuthConfig
from imagescan_cli.exit_codes import ExitCode
from imagescan_cli.formatting import sanitize
from imagescan_cli.output import Output

SHARED = ("api_url", "as_json", "quiet", "config_file", "auth", "token", "region")


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """Values of the options that all commands have. The names are those of ``SHARED``."""

    api_url: str | None
    as_json: bool
    quiet: bool
    config_file: Path | None
    auth: Auth | None
    token: str | None
    region: str | None

    @property
    def auth_config(self) -> AuthConfig:
        """Authentication settings."""
        return AuthConfig(self.auth, self.token, self.region)

    @property
    def output(self) -> Output:
        """Output with the chosen format."""
        return Output(as_json=self.as_json, quiet=self.quiet)


def load_settings(context: typer.Context, file: Path | None) -> Path | None:
    """Use a configuration file for the defaults of the options of a command."""
    if context.parent is not None and not context.resilient_parsing:
        chosen = _is_given(context, "config_file") and file
        path = chosen or context.parent.params["config_file"] or file or config.DEFAULT_FILE
        try:
            context.default_map = config.read(path) if path.exists() else {}
        except config.ConfigError as error:
            raise typer.BadParameter(str(error), param_hint="--config") from error
    return file


class Command(TyperCommand):
    """Command that has the shared options as well. Its function reads them from ``context.obj``."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A shared option after the command takes precedence over one before it."""
        own = {name: ctx.params.pop(name) for name in SHARED}
        is_before = {name: _is_given(ctx.parent, name) and not _is_given(ctx, name) for name in SHARED}
        ctx.obj = SharedOptions(**{name: ctx.parent.params[name] if is_before[name] else own[name] for name in SHARED})
        return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the shared options as a section of their own."""
        records = [(param, param.get_help_record(ctx)) for param in self.get_params(ctx)]
        sections = {
            "Arguments": [record for param, record in records if record and param.param_type_name == "argument"],
            "Options": [
                record
                for param, record in records
                if record and param.param_type_name == "option" and param.name not in SHARED
            ],
            "Global options": [record for param, record in records if record and param.name in SHARED],
        }
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class CommandGroup(TyperGroup):
    """Command group that gives its options to its commands.

    It exits with 3 on unexpected exceptions. Python's own exit code 1 would mean "no match".
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        shared = [param for param in self.params if param.name in SHARED]
        for command in self.commands.values():
            command.params.extend(shared)

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


def _is_given(context: Any, name: str) -> bool:
    """Return whether an option was given on the command line, and not by an environment variable or a default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _silence_output() -> None:
    """Redirect the output to the null device: Python flushes at exit, and a closed pipe would change the exit code."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(null_device, stream.fileno())
