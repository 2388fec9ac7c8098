"""Commands. Each one parses its arguments, delegates the work and exits with the code of its results."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from imagescan_cli import __version__, config
from imagescan_cli.api_client import ApiClient
from imagescan_cli.auth import Auth, AuthConfig
from imagescan_cli.batch import poll_all, submit_all
from imagescan_cli.cli_errors import ErrorHandlingGroup
from imagescan_cli.errors import AuthError, UnreachableError
from imagescan_cli.exit_codes import ExitCode, exit_code, exit_code_after_submit, exit_code_after_wait
from imagescan_cli.image_files import find_images
from imagescan_cli.list_command import list_all
from imagescan_cli.output import Output
from imagescan_cli.questions import LOWEST_CONFIDENCE, Question
from imagescan_cli.schemas import RequestJson
from imagescan_cli.workflow import ScanWorkflow

DEFAULT_CONCURRENCY = 8
COMMANDS = ("submit", "status", "wait", "ask", "list")

app = typer.Typer(
    cls=ErrorHandlingGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class MatchMode(StrEnum):
    """How several labels combine."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


class Status(StrEnum):
    """Status of a request."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


def print_version(requested: bool) -> None:
    """Print the version and exit, if requested."""
    if requested:
        typer.echo(f"imagescan {__version__}")
        raise typer.Exit


def reject_nan(percent: float | None) -> float | None:
    """Return the value unchanged. Reject NaN, which passes every range check."""
    if percent is not None and math.isnan(percent):
        raise typer.BadParameter("nan is not a number")
    return percent


ApiUrl = Annotated[
    str | None,
    typer.Option(envvar="IMAGESCAN_API_URL", metavar="URL", help="Base URL of the API (stack output ApiUrl)."),
]
Json = Annotated[bool, typer.Option("--json", help="Output newline-delimited JSON.")]
LabelMatchMode = Annotated[
    MatchMode | None, typer.Option(help="Require any, all or none of the labels. [default: any]")
]
Confidence = Annotated[
    float | None,
    typer.Option(
        min=LOWEST_CONFIDENCE,
        max=100,
        callback=reject_nan,
        metavar="PERCENT",
        help="Minimum confidence in percent. [default: set by the service]",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Maximum seconds to wait. [default: until the request's deadline]"),
]
RequestIds = Annotated[list[str], typer.Argument(metavar="ID", help="One or more request IDs.")]


@app.callback()
def imagescan(
    context: typer.Context,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar="IMAGESCAN_CONFIG",
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help=f"Path to the configuration file. [default: {config.DEFAULT_FILE}]",
        ),
    ] = None,
    auth: Annotated[
        Auth | None,
        typer.Option(help="Authentication method. [default: token if IMAGESCAN_TOKEN is set, else none]"),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="IMAGESCAN_TOKEN", show_envvar=True, metavar="TOKEN", help="Cognito ID token."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="REGION", help="AWS Region for SigV4 signing. [default: taken from the API URL]"),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Print the version.")
    ] = False,
) -> None:
    """Check images for labels with an imagescan service.

    Exit codes: 0 match, 1 no match, 2 usage error, 3 failure or timeout, 4 pending.
    """
    file = config_file or config.DEFAULT_FILE
    try:
        settings = config.read(file) if file.exists() else {}
    except config.ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--config") from error
    context.default_map = dict.fromkeys(COMMANDS, settings)
    context.obj = AuthConfig(auth or _auth_setting(settings), token, region or settings.get("region"))


@app.command()
def submit(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", exists=True, help="Image files or directories.")],
    *,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", "-l", metavar="LABEL", help="Label to look for (repeatable). [default: set by the service]"
        ),
    ] = None,
    match_mode: LabelMatchMode = None,
    min_confidence: Confidence = None,
    reference: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Your own reference, returned with every result.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the results.")] = False,
    timeout: Timeout = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Number of parallel uploads.")
    ] = DEFAULT_CONCURRENCY,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Submit images and directories (recursive).

    Known images are not uploaded. Re-run the command to resume an interrupted run. Without --wait, exit code 0 means
    every image was accepted.
    """
    url, deadline = _require_api_url(api_url), _deadline_after(timeout)
    found = find_images(paths)
    if not (found.images or found.unreadable):
        raise typer.BadParameter("no JPEG or PNG images found", param_hint="PATH")
    question = Question(tuple(label or ()), match_mode, min_confidence, reference)

    async def submit_found(client: ApiClient) -> list[RequestJson]:
        workflow = ScanWorkflow(client, concurrency=concurrency, deadline=deadline, in_full=as_json)
        return await submit_all(workflow, found, question, Output(as_json=as_json), wait=wait)

    code = exit_code_after_wait if wait else exit_code_after_submit
    raise typer.Exit(code(_call_api(context, url, submit_found)))


@app.command()
def status(context: typer.Context, request_ids: RequestIds, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Show the status of requests."""
    raise typer.Exit(exit_code(_poll(context, request_ids, api_url, Output(as_json=as_json), wait=False)))


@app.command()
def wait(
    context: typer.Context,
    request_ids: RequestIds,
    *,
    timeout: Timeout = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Wait for requests to finish and print each result."""
    deadline = _deadline_after(timeout)
    results = _poll(context, request_ids, api_url, Output(as_json=as_json), wait=True, deadline=deadline)
    raise typer.Exit(exit_code_after_wait(results))


@app.command()
def ask(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="ID of a completed request.")],
    *,
    label: Annotated[list[str], typer.Option("--label", "-l", metavar="LABEL", help="Label to look for (repeatable).")],
    match_mode: LabelMatchMode = None,
    min_confidence: Confidence = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Ask a follow-up question about a scanned image."""
    question = Question(tuple(label), match_mode, min_confidence)

    async def ask_question(client: ApiClient) -> RequestJson:
        return await ScanWorkflow(client, concurrency=1).ask(request_id, question)

    answer = _call_api(context, _require_api_url(api_url), ask_question)
    Output(as_json=as_json).show(answer)
    raise typer.Exit(exit_code([answer]))


@app.command("list")
def list_requests(
    context: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="Filter by status.")] = None,
    label: Annotated[str | None, typer.Option("--label", "-l", metavar="LABEL", help="Filter by label.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only requests created since this time (ISO 8601).")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Maximum number of requests. [default: all]")
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List requests, newest first."""
    filters = {"status": status, "label": label, "created_after": since}
    query = {name: value for name, value in filters.items() if value is not None}

    async def list_found(client: ApiClient) -> ExitCode:
        return await list_all(client, query, Output(as_json=as_json), limit=limit)

    raise typer.Exit(_call_api(context, _require_api_url(api_url), list_found))


def _poll(
    context: typer.Context,
    request_ids: list[str],
    api_url: str | None,
    output: Output,
    *,
    wait: bool,
    deadline: float | None = None,
) -> list[RequestJson]:
    async def poll(client: ApiClient) -> list[RequestJson]:
        workflow = ScanWorkflow(client, concurrency=DEFAULT_CONCURRENCY, deadline=deadline)
        return await poll_all(workflow, request_ids, output, wait=wait)

    return _call_api(context, _require_api_url(api_url), poll)


def _call_api[T](context: typer.Context, api_url: str, action: Callable[[ApiClient], Awaitable[T]]) -> T:
    """Return the result of an action. Exit if the API is unreachable or the user presses Ctrl-C."""
    auth: AuthConfig = context.obj

    async def connect() -> T:
        async with ApiClient(api_url, auth=auth.for_api(api_url)) as client:
            return await action(client)

    try:
        return asyncio.run(connect())
    except AuthError as error:
        raise typer.BadParameter(str(error), param_hint="--auth") from error
    except UnreachableError as error:
        typer.echo(error, err=True)
        raise typer.Exit(ExitCode.FAILED) from error
    except KeyboardInterrupt as interrupt:
        typer.echo("Interrupted. Re-run the same command to resume.", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def _auth_setting(settings: Mapping[str, Any]) -> Auth | None:
    try:
        return Auth(settings["auth"]) if "auth" in settings else None
    except ValueError as error:
        raise typer.BadParameter(f"auth must be one of: {', '.join(Auth)}", param_hint="--config") from error


def _require_api_url(api_url: str | None) -> str:
    if not api_url:
        raise typer.BadParameter(
            "no API URL: pass --api-url, set IMAGESCAN_API_URL, "
            f'or add api_url = "https://..." to {config.DEFAULT_FILE}',
            param_hint="--api-url",
        )
    if not api_url.startswith(("https://", "http://")):
        raise typer.BadParameter(
            f"{api_url} is not a valid URL; it must start with https:// or http://", param_hint="--api-url"
        )
    return api_url


def _deadline_after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
