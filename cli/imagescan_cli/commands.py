"""Commands. Each one parses its arguments, delegates the work and exits with the code of its results."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from imagescan_cli import __version__, config, options
from imagescan_cli.api_client import ApiClient
from imagescan_cli.batch import ImageResult, delete_all, poll_all, submit_all
from imagescan_cli.clean_files import read_clean_file
from imagescan_cli.csv_export import format_csv
from imagescan_cli.errors import ApiError, AuthError, RejectedCredentialsError, UnreachableError, WrongUrlError
from imagescan_cli.exit_codes import (
    ExitCode,
    exit_code,
    exit_code_after_delete,
    exit_code_after_submit,
    exit_code_after_wait,
)
from imagescan_cli.formatting import format_rescan, format_skipped
from imagescan_cli.image_files import FoundFiles, ImageFile, Selection, find_images, read_image_file, split_paths
from imagescan_cli.list_command import list_all
from imagescan_cli.output import Output, Ticker
from imagescan_cli.plan import show_plan
from imagescan_cli.questions import Question
from imagescan_cli.report import RunDetails, format_report
from imagescan_cli.schemas import RequestJson, failed_request, failure_code
from imagescan_cli.shared_options import Command, CommandGroup, SharedOptions
from imagescan_cli.tables import format_statistics
from imagescan_cli.workflow import ScanWorkflow

DEFAULT_CONCURRENCY = 8
DEFAULT_LIST_SIZE = 30
COMMANDS = ("submit", "status", "wait", "ask", "list", "delete", "stats")

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def examples(*commands: str) -> str:
    """Return the end of a help text. The backspace character keeps the line breaks."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def print_version(requested: bool) -> None:
    """Print the version and exit, if requested."""
    if requested:
        typer.echo(f"imagescan {__version__}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "imagescan submit photos/ --label cat --wait",
        "imagescan list --status failed",
        "imagescan COMMAND --help",
    )
)
def imagescan(
    *,
    api_url: options.ApiUrl = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    config_file: options.ConfigFile = None,
    auth: options.AuthMethod = None,
    token: options.Token = None,
    region: options.Region = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=print_version, help="Print the version.")
    ] = False,
) -> None:
    """Check images for labels, moderation labels and text with an imagescan service.

    Exit codes: 0 match or no question, 1 no match, 2 usage error, 3 failure or timeout, 4 pending, 130 interrupted.
    """


@app.command(
    cls=Command,
    epilog=examples(
        "imagescan submit photos/ --label cat --wait",
        "imagescan submit photos/ --label cat,dog --report result.html",
        "imagescan submit photos/ --moderation any --text 'for sale' --wait",
        "imagescan submit photos/ --feature labels --feature text --csv result.csv",
        "imagescan submit photos/ --remove-metadata --label cat --wait",
        "imagescan submit photos/ --exclude '*.gif' --dry-run",
        "find photos -newer last-run | imagescan submit - --label cat --wait --json",
    ),
)
def submit(
    context: typer.Context,
    paths: options.Paths,
    *,
    label: options.LabelsToFind = None,
    moderation: options.Moderation = None,
    text: options.Text = None,
    feature: options.Features = None,
    match_mode: options.MatchModeOption = None,
    min_confidence: options.Confidence = None,
    reference: options.Reference = None,
    wait: options.Wait = False,
    timeout: options.Timeout = None,
    exclude: options.Exclude = None,
    include_hidden: options.IncludeHidden = False,
    remove_metadata: options.RemoveMetadata = False,
    dry_run: options.DryRun = False,
    report: options.ReportFile = None,
    csv: options.CsvFile = None,
    concurrency: options.Concurrency = DEFAULT_CONCURRENCY,
) -> None:
    """Submit images and directories (recursive).

    Known images are not uploaded. Re-run the command to resume an interrupted run. Without --wait, exit code 0 means
    every image was accepted.

    HEIC, WebP, AVIF and GIF images, and those that are too large, are converted to JPEG. Your files are not changed.
    """
    shared: SharedOptions = context.obj
    output, deadline = shared.output, _deadline_after(timeout)
    url = "" if dry_run else _require_api_url(shared.api_url)
    question = Question(
        labels=tuple(label or ()),
        moderation=tuple(moderation or ()),
        text=tuple(text or ()),
        features=tuple(feature or ()),
        match_mode=match_mode,
        min_confidence=min_confidence,
        reference=reference,
    )
    read = read_clean_file if remove_metadata else read_image_file
    found = _find_images(paths, Selection(include_hidden, tuple(exclude or ())), output, read)
    if dry_run:
        is_possible = show_plan(found, question.needed_features, output)
        raise typer.Exit(ExitCode.ACCEPTED if is_possible else ExitCode.FAILED)
    waits = wait or report is not None or csv is not None

    results: list[ImageResult] = []

    async def submit_found(client: ApiClient) -> None:
        shows_findings = not question.labels_only or output.as_json
        in_full = shows_findings or report is not None or csv is not None
        workflow = ScanWorkflow(client, concurrency=concurrency, deadline=deadline, in_full=in_full)
        thumbnails = report is not None
        await submit_all(workflow, found, question, output, results, wait=waits, with_thumbnails=thumbnails)

    def export() -> None:
        skipped = sum(each.files for each in found.skipped)
        missing = len(found.images) + len(found.failed) - len(results)
        if report:
            run = RunDetails(url, datetime.now().astimezone(), skipped, missing)
            _write(report, format_report(results, question, run), output, missing=missing)
        if csv:
            # Spreadsheets recognise UTF-8 by its byte order mark.
            _write(csv, format_csv(results), output, missing=missing, encoding="utf-8-sig")

    try:
        _call_api(shared, url, submit_found)
    except typer.Exit:  # interrupted, or the API can no longer be called
        if len(results) > len(found.failed):
            results.sort(key=lambda each: each.path)
            export()
        raise
    export()
    code = exit_code_after_wait if waits else exit_code_after_submit
    raise typer.Exit(code([each.result for each in results]))


@app.command(
    cls=Command,
    epilog=examples(
        "imagescan status 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11",
        "imagescan status 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11 --json",
    ),
)
def status(context: typer.Context, request_ids: options.RequestIds) -> None:
    """Show the status of requests."""
    raise typer.Exit(exit_code(_poll(context.obj, request_ids, wait=False)))


@app.command(
    cls=Command,
    epilog=examples(
        "imagescan wait 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11 --timeout 60",
        "imagescan list --status pending --all --json | jq -r .request_id | xargs imagescan wait",
    ),
)
def wait(context: typer.Context, request_ids: options.RequestIds, *, timeout: options.Timeout = None) -> None:
    """Wait for requests to finish and print each result."""
    results = _poll(context.obj, request_ids, wait=True, deadline=_deadline_after(timeout))
    raise typer.Exit(exit_code_after_wait(results))


@app.command(
    cls=Command,
    epilog=examples(
        "imagescan ask 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11 --label dog",
        "imagescan ask 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11 --label cat,dog --match-mode all",
        "imagescan ask 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11 --moderation '*' --text sale",
    ),
)
def ask(
    context: typer.Context,
    request_id: Annotated[str, typer.Argument(metavar="ID", help="ID of a completed request.")],
    *,
    label: options.LabelsToAskFor = None,
    moderation: options.Moderation = None,
    text: options.Text = None,
    feature: options.FeaturesToAskAbout = None,
    match_mode: options.MatchModeOption = None,
    min_confidence: options.Confidence = None,
) -> None:
    """Ask a follow-up question about a scanned image. It is not scanned again.

    The request must have been scanned for the features that the question needs, and for those of --feature.
    """
    shared: SharedOptions = context.obj
    if not (label or moderation or text or feature):
        raise typer.BadParameter("nothing to ask: use --label, --moderation, --text or --feature", param_hint="--label")
    question = Question(
        labels=tuple(label or ()),
        moderation=tuple(moderation or ()),
        text=tuple(text or ()),
        features=tuple(feature or ()),
        match_mode=match_mode,
        min_confidence=min_confidence,
    )

    async def ask_question(client: ApiClient) -> RequestJson:
        return await ScanWorkflow(client, concurrency=1).ask(request_id, question)

    answer = _call_api(shared, _require_api_url(shared.api_url), ask_question)
    if failure_code(answer) == "feature_not_scanned" and not shared.output.as_json:
        # The message of the service describes the fields of its API.
        answer["message"] = format_rescan(question.needed_features)
    shared.output.show(answer)
    raise typer.Exit(exit_code([answer]))


@app.command(
    "list",
    cls=Command,
    epilog=examples(
        "imagescan list",
        "imagescan list --status failed --since 2026-11-01",
        "imagescan list --label cat --all --json",
        "imagescan list --feature moderation",
    ),
)
def list_requests(
    context: typer.Context,
    *,
    status: options.StatusFilter = None,
    label: options.LabelFilter = None,
    feature: options.FeatureFilter = None,
    since: options.Since = None,
    limit: options.Limit = DEFAULT_LIST_SIZE,
    everything: options.ListAll = False,
) -> None:
    """List requests, newest first.

    The table shows the age, the file name (the reference of the request), the verdict and the ID.
    """
    shared: SharedOptions = context.obj
    filters = {"status": status, "label": label, "feature": feature, "created_after": since}
    query = {name: value for name, value in filters.items() if value is not None}

    async def list_found(client: ApiClient) -> ExitCode:
        return await list_all(client, query, shared.output, limit=None if everything else limit)

    raise typer.Exit(_call_api(shared, _require_api_url(shared.api_url), list_found))


@app.command(
    cls=Command,
    epilog=examples(
        "imagescan delete 5f0c7c1e-8d0b-4d6e-9d53-0a1f3c9a7f11",
        "imagescan list --status failed --all --json | jq -r .request_id | xargs imagescan delete",
    ),
)
def delete(context: typer.Context, request_ids: options.RequestIds) -> None:
    """Delete requests, and the images that no other request needs.

    A deleted image that is submitted again is scanned and billed again.
    """
    shared: SharedOptions = context.obj

    async def delete_requests(client: ApiClient) -> list[RequestJson]:
        return await delete_all(ScanWorkflow(client, concurrency=DEFAULT_CONCURRENCY), request_ids, shared.output)

    results = _call_api(shared, _require_api_url(shared.api_url), delete_requests)
    raise typer.Exit(exit_code_after_delete(results))


@app.command(cls=Command, epilog=examples("imagescan stats", "imagescan stats --json"))
def stats(context: typer.Context) -> None:
    """Show how many images and requests the service has finished, and how many scans it made and avoided.

    An image counts once for each feature that it was scanned for.
    """
    shared: SharedOptions = context.obj

    async def get_stats(client: ApiClient) -> RequestJson:
        return await client.stats()

    try:
        statistics = _call_api(shared, _require_api_url(shared.api_url), get_stats)
    except ApiError as error:
        shared.output.show(failed_request(error.code, error.message))
        raise typer.Exit(ExitCode.FAILED) from error
    if shared.as_json:
        shared.output.show_json(statistics)
    else:
        for line in format_statistics(statistics):
            shared.output.print(line)


def _find_images(
    paths: list[Path], selection: Selection, output: Output, read: Callable[[Path], ImageFile | None]
) -> FoundFiles:
    """Return the files in the given paths. Report progress, because hashing many files takes time."""
    ticker = Ticker(output)

    def read_next(path: Path) -> ImageFile | None:
        ticker.tick("{} files read.")
        return read(path)

    given = chain.from_iterable(
        split_paths(sys.stdin.buffer.read()) if path == options.STDIN else [path] for path in dict.fromkeys(paths)
    )
    found = find_images(given, read_next, selection)
    if not (found.images or found.failed):
        for line in format_skipped(found.skipped):
            output.error(line)
        raise typer.BadParameter("no images found", param_hint="PATH")
    return found


def _poll(
    shared: SharedOptions, request_ids: list[str], *, wait: bool, deadline: float | None = None
) -> list[RequestJson]:
    async def poll(client: ApiClient) -> list[RequestJson]:
        workflow = ScanWorkflow(client, concurrency=DEFAULT_CONCURRENCY, deadline=deadline)
        return await poll_all(workflow, request_ids, shared.output, wait=wait)

    return _call_api(shared, _require_api_url(shared.api_url), poll)


def _call_api[T](shared: SharedOptions, api_url: str, action: Callable[[ApiClient], Awaitable[T]]) -> T:
    """Return the result of an action. Exit if the API is unreachable or the user presses Ctrl-C."""

    async def connect() -> T:
        async with ApiClient(api_url, auth=shared.auth_config.for_api(api_url)) as client:
            return await action(client)

    try:
        return asyncio.run(connect())
    except AuthError as error:
        raise typer.BadParameter(str(error), param_hint="--auth") from error
    except UnreachableError as error:
        shared.output.error(f"{error} Check the URL of the API and your connection.")
        raise typer.Exit(ExitCode.FAILED) from error
    except RejectedCredentialsError as error:
        shared.output.error(f"{error} Check the credentials: --auth, --token and your AWS profile.")
        raise typer.Exit(ExitCode.FAILED) from error
    except WrongUrlError as error:
        shared.output.error(str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    except KeyboardInterrupt as interrupt:
        shared.output.error("Interrupted. Re-run the same command to resume.")
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def _write(file: Path, text: str, output: Output, *, missing: int, encoding: str = "utf-8") -> None:
    try:
        file.write_text(text, encoding=encoding, newline="")
    except OSError as error:
        output.error(f"Cannot write {file}: {error.strerror}.")
        raise typer.Exit(ExitCode.FAILED) from error
    output.note(f"Wrote {file} without the {missing:,} images that have no result." if missing else f"Wrote {file}.")


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
