"""The commands. Each reads its arguments, lets others do the work, and ends with what the answers come to."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from imagescan_cli import __version__, config
from imagescan_cli.answers import Answer, Exit, exit_code, exit_code_after_sending, exit_code_after_waiting
from imagescan_cli.callers import Auth, Caller, UnknownCaller
from imagescan_cli.ending import Commands
from imagescan_cli.listing import list_all
from imagescan_cli.many import look_at_all, submit_all
from imagescan_cli.output import Output
from imagescan_cli.pictures import find
from imagescan_cli.questions import LOWEST_CONFIDENCE, Question
from imagescan_cli.scanning import Scanning
from imagescan_cli.service import Service, Unreachable

AT_ONCE = 8
COMMANDS = ("submit", "status", "watch", "ask", "list")

app = typer.Typer(
    cls=Commands, rich_markup_mode=None, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


class Match(StrEnum):
    """When several labels make a yes."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


class Status(StrEnum):
    """How a request stands."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


def show_version(wanted: bool) -> None:
    """Prints the version and ends, when it is wanted."""
    if wanted:
        typer.echo(f"imagescan {__version__}")
        raise typer.Exit


def number(percent: float | None) -> float | None:
    """The percent; "nan" is none, and neither below nor above any limit."""
    if percent is not None and math.isnan(percent):
        raise typer.BadParameter("nan is not a number")
    return percent


Api = Annotated[
    str | None,
    typer.Option(envvar="IMAGESCAN_API", help="The service's base address, as the stack's output says it."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Matching = Annotated[Match | None, typer.Option(help="Which of several labels make a yes. [default: any]")]
Confidence = Annotated[
    float | None,
    typer.Option(
        min=LOWEST_CONFIDENCE,
        max=100,
        callback=number,
        help="Percent from which a label counts. [default: the service's]",
    ),
]
Timeout = Annotated[
    float | None, typer.Option(min=0, help="Seconds to wait for answers. [default: until the service gives up]")
]
RequestIds = Annotated[list[str], typer.Argument(metavar="ID", help="Requests, by the ids that submit printed.")]


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
            help=f"A file of settings. [default: {config.DEFAULT_FILE}]",
        ),
    ] = None,
    auth: Annotated[
        Auth | None, typer.Option(help="How the service knows its callers. [default: by the token, if there is one]")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="IMAGESCAN_TOKEN", show_envvar=True, help="The ID token of a user who signed in."),
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The region to sign calls for (--auth iam). [default: the address's]")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Print the version.")
    ] = False,
) -> None:
    """Asks an image scanning service whether pictures show what a label names, and what else they show.

    Exit codes: 0 a match, 1 none, 2 a wrong command line, 3 a failure or a time-out, 4 an answer is still pending.
    """
    file = config_file or config.DEFAULT_FILE
    try:
        settings = config.read(file) if file.exists() else {}
    except config.BadConfig as bad:
        raise typer.BadParameter(str(bad), param_hint="--config") from bad
    context.default_map = dict.fromkeys(COMMANDS, settings)
    context.obj = Caller(auth or _auth_in(settings), token, region or settings.get("region"))


@app.command()
def submit(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", exists=True, help="Pictures, and folders of pictures.")
    ],
    *,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="What to look for; again for more. [default: the service's]"),
    ] = None,
    match: Matching = None,
    min_confidence: Confidence = None,
    reference: Annotated[str | None, typer.Option(help="Anything of yours, handed back in every answer.")] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the answers.")] = False,
    timeout: Timeout = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="How many pictures to upload at once.")] = AT_ONCE,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """Ask about pictures, in files and in folders at any depth.

    A picture that the service knows is not uploaded. The same command again takes up where one that was broken off
    left off. Without --wait the exit code says only whether every picture was taken.
    """
    address, until = _checked(api), _moment_after(timeout)
    found = find(paths)
    if not (found.pictures or found.unreadable):
        raise typer.BadParameter("there is no JPEG or PNG picture among them", param_hint="PATH")
    question = Question(tuple(label or ()), match, min_confidence, reference)

    async def answers(service: Service) -> list[Answer]:
        scanning = Scanning(service, concurrency=concurrency, until=until, in_full=as_json)
        return await submit_all(scanning, found, question, Output(as_json=as_json), wait=wait)

    code = exit_code_after_waiting if wait else exit_code_after_sending
    raise typer.Exit(code(_from_service(context, address, answers)))


@app.command()
def status(context: typer.Context, request_ids: RequestIds, *, api: Api = None, as_json: Json = False) -> None:
    """Show how requests stand."""
    raise typer.Exit(exit_code(_stand(context, request_ids, api, Output(as_json=as_json), wait=False)))


@app.command()
def watch(
    context: typer.Context,
    request_ids: RequestIds,
    *,
    timeout: Timeout = None,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """Wait until requests are answered, and show each answer as it comes."""
    answers = _stand(context, request_ids, api, Output(as_json=as_json), wait=True, until=_moment_after(timeout))
    raise typer.Exit(exit_code_after_waiting(answers))


@app.command()
def ask(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="A request that was answered.")],
    *,
    label: Annotated[list[str], typer.Option("--label", "-l", help="What to look for; again for more.")],
    match: Matching = None,
    min_confidence: Confidence = None,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """Ask more about the image of a request, without another scan."""
    question = Question(tuple(label), match, min_confidence)

    async def answered(service: Service) -> Answer:
        return await Scanning(service, concurrency=1).ask(request_id, question)

    answer = _from_service(context, _checked(api), answered)
    Output(as_json=as_json).show(answer)
    raise typer.Exit(exit_code([answer]))


@app.command("list")
def list_requests(
    context: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="Only those that stand so.")] = None,
    label: Annotated[str | None, typer.Option("--label", "-l", help="Only those that asked for this label.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Only those made from this ISO 8601 time on.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many to show at most. [default: all]")] = None,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """List requests, the newest first. The exit code says only whether the service told them."""
    wanted = {"status": status, "label": label, "from": since}
    query = {name: value for name, value in wanted.items() if value is not None}

    async def listed(service: Service) -> Exit:
        return await list_all(service, query, Output(as_json=as_json), most=limit)

    raise typer.Exit(_from_service(context, _checked(api), listed))


def _stand(
    context: typer.Context,
    request_ids: list[str],
    api: str | None,
    output: Output,
    *,
    wait: bool,
    until: float | None = None,
) -> list[Answer]:
    async def answers(service: Service) -> list[Answer]:
        scanning = Scanning(service, concurrency=AT_ONCE, until=until)
        return await look_at_all(scanning, request_ids, output, wait=wait)

    return _from_service(context, _checked(api), answers)


def _from_service[T](context: typer.Context, api: str, job: Callable[[Service], Awaitable[T]]) -> T:
    """What a job brings back from the service; the process ends when nobody is there or Ctrl-C is pressed."""
    caller: Caller = context.obj

    async def connected() -> T:
        async with Service(api, auth=caller.at(api)) as service:
            return await job(service)

    try:
        return asyncio.run(connected())
    except UnknownCaller as unknown:
        raise typer.BadParameter(str(unknown), param_hint="--auth") from unknown
    except Unreachable as unreachable:
        typer.echo(unreachable, err=True)
        raise typer.Exit(Exit.FAILED) from unreachable
    except KeyboardInterrupt as interrupt:
        typer.echo("Stopped. The same command takes up from here; what was uploaded stays uploaded.", err=True)
        raise typer.Exit(Exit.INTERRUPTED) from interrupt


def _auth_in(settings: Mapping[str, Any]) -> Auth | None:
    try:
        return Auth(settings["auth"]) if "auth" in settings else None
    except ValueError as unknown:
        raise typer.BadParameter(f"auth is {', '.join(Auth)}", param_hint="--config") from unknown


def _checked(api: str | None) -> str:
    if not api:
        raise typer.BadParameter(
            f'no API address: pass --api, set IMAGESCAN_API, or write api = "https://..." in {config.DEFAULT_FILE}',
            param_hint="--api",
        )
    if not api.startswith(("https://", "http://")):
        raise typer.BadParameter(f"{api} is not an address that begins with https:// or http://", param_hint="--api")
    return api


def _moment_after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
