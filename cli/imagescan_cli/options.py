"""Arguments and options of the commands."""

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imagescan_cli import config
from imagescan_cli.auth import Auth
from imagescan_cli.features import ANY_MODERATION_LABEL, Feature
from imagescan_cli.formatting import sanitize
from imagescan_cli.questions import (
    LOWEST_CONFIDENCE,
    MAX_NAME_LENGTH,
    MAX_NAMES,
    distinct,
    is_utf8,
    split_names,
)
from imagescan_cli.shared_options import load_settings

STDIN = Path("-")


class MatchMode(StrEnum):
    """How several results combine."""

    ANY = "any"
    ALL = "all"
    NONE = "none"


class Status(StrEnum):
    """Status of a request."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


def reject_nan(percent: float | None) -> float | None:
    """Return the value unchanged. Reject NaN, which passes every range check."""
    if percent is not None and math.isnan(percent):
        raise typer.BadParameter("nan is not a number")
    return percent


def parse_labels(values: list[str] | None) -> list[str]:
    """Return the labels of comma-separated lists. Reject lists without a label, and labels that are not valid."""
    labels = split_names(values or ())
    if values and not labels:
        raise typer.BadParameter("no label given")
    return require_valid(labels, "label")


def parse_moderation(values: list[str] | None) -> list[str]:
    """Return the moderation labels of comma-separated lists. Both ``any`` and ``*`` stand for any of them."""
    names = [ANY_MODERATION_LABEL if name.casefold() == "any" else name for name in split_names(values or ())]
    if values and not names:
        raise typer.BadParameter(f"no moderation label given; use any or '{ANY_MODERATION_LABEL}' for any of them")
    return require_valid(distinct(names), "moderation label")


def parse_texts(values: list[str] | None) -> list[str]:
    """Return the texts, which may contain commas. Reject texts that are empty or not valid."""
    texts = distinct(value.strip() for value in values or ())
    if not all(texts):
        raise typer.BadParameter("no text given")
    return require_valid(texts, "text")


def require_valid(names: Sequence[str], noun: str) -> list[str]:
    """Return the names. Reject those that are not UTF-8 or exceed a limit of the API."""
    if not all(map(is_utf8, names)):
        raise typer.BadParameter(f"the {noun} is not valid UTF-8")
    longest = max(map(len, names), default=0)
    if longest > MAX_NAME_LENGTH:
        raise typer.BadParameter(f"a {noun} has {longest} characters; the maximum is {MAX_NAME_LENGTH}")
    if len(names) > MAX_NAMES:
        raise typer.BadParameter(f"{len(names)} {noun}s given; the maximum is {MAX_NAMES}")
    return [*names]


def parse_single_label(value: str | None) -> str | None:
    """Return the label. Reject several labels."""
    labels = parse_labels([] if value is None else [value])
    if len(labels) > 1:
        raise typer.BadParameter("the list can be filtered by one label only")
    return labels[0] if labels else None


def check_reference(value: str | None) -> str | None:
    """Return the value unchanged. Reject text that is not UTF-8."""
    if value is not None and not is_utf8(value):
        raise typer.BadParameter("the reference is not valid UTF-8")
    return value


def check_paths(paths: list[Path]) -> list[Path]:
    """Return the values unchanged. Reject a path that does not exist. STDIN is not a path."""
    for path in paths:
        if path != STDIN and not path.exists():
            raise typer.BadParameter(f"{sanitize(str(path))} does not exist")
    return paths


def check_output_file(file: Path | None) -> Path | None:
    """Return the value unchanged. Reject a file in a directory that does not exist, before anything is sent."""
    if file is not None and not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"the directory of {file} does not exist")
    return file


ApiUrl = Annotated[
    str | None,
    typer.Option(envvar="IMAGESCAN_API_URL", metavar="URL", help="Base URL of the API (stack output ApiUrl)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Output newline-delimited JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="IMAGESCAN_CONFIG",
        exists=True,
        dir_okay=False,
        is_eager=True,
        callback=load_settings,
        metavar="FILE",
        help=f"Path to the configuration file. [default: {config.DEFAULT_FILE}]",
    ),
]
AuthMethod = Annotated[
    Auth | None, typer.Option(help="Authentication method. [default: token if IMAGESCAN_TOKEN is set, else none]")
]
Token = Annotated[
    str | None, typer.Option(envvar="IMAGESCAN_TOKEN", show_envvar=True, metavar="TOKEN", help="Cognito ID token.")
]
Region = Annotated[
    str | None, typer.Option(metavar="REGION", help="AWS Region for SigV4 signing. [default: taken from the API URL]")
]

MatchModeOption = Annotated[
    MatchMode | None, typer.Option(help="Require any, all or none of what is asked for. [default: any]")
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
Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        callback=check_paths,
        help='Image files or directories. "-" reads paths from standard input, separated by line feeds or NUL bytes.',
    ),
]
LabelsToFind = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        "-l",
        metavar="LABEL",
        callback=parse_labels,
        help=(
            "Label to look for, or several separated by commas (repeatable). "
            "[default: set by the service if no other option asks or scans for something]"
        ),
    ),
]
LabelsToAskFor = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        "-l",
        metavar="LABEL",
        callback=parse_labels,
        help="Label to look for, or several separated by commas (repeatable).",
    ),
]
Moderation = Annotated[
    list[str] | None,
    typer.Option(
        "--moderation",
        metavar="NAME",
        callback=parse_moderation,
        help=(
            "Moderation label to look for, or several separated by commas (repeatable). "
            "any or '*' stands for any moderation label. Quote the asterisk."
        ),
    ),
]
Text = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="TEXT",
        callback=parse_texts,
        help="Word or phrase to look for in the text of the image (repeatable).",
    ),
]
Features = Annotated[
    list[Feature] | None,
    typer.Option("--feature", help="Feature to scan for without a question (repeatable)."),
]
FeaturesToAskAbout = Annotated[
    list[Feature] | None,
    typer.Option("--feature", help="Feature that the request must have been scanned for (repeatable)."),
]
Reference = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        callback=check_reference,
        help="Your own reference, returned with every result. An empty text sends none. [default: the path]",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Skip files and directories whose name matches. A glob with a slash must match the path (repeatable).",
    ),
]
IncludeHidden = Annotated[
    bool, typer.Option("--include-hidden", help="Submit hidden files (.*) and thumbnails (@eaDir) as well.")
]
RemoveMetadata = Annotated[
    bool,
    typer.Option(
        "--remove-metadata/--keep-metadata",
        help="Remove metadata (location, camera, thumbnail, comments) from JPEG and PNG images before they are hashed.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be submitted and the maximum cost. Send nothing.")
]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait for the results.")]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        dir_okay=False,
        writable=True,
        callback=check_output_file,
        help="Write an HTML page with thumbnails, verdicts, findings and boxes. Implies --wait.",
    ),
]
CsvFile = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        metavar="FILE",
        dir_okay=False,
        writable=True,
        callback=check_output_file,
        help="Write a table of the results for spreadsheets. Implies --wait.",
    ),
]
Concurrency = Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Number of parallel uploads.")]
StatusFilter = Annotated[Status | None, typer.Option(help="Filter by status.")]
LabelFilter = Annotated[
    str | None, typer.Option("--label", "-l", metavar="LABEL", callback=parse_single_label, help="Filter by label.")
]
FeatureFilter = Annotated[Feature | None, typer.Option("--feature", help="Filter by feature.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Only requests created since this time (ISO 8601).")]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="Maximum number of requests.")]
ListAll = Annotated[bool, typer.Option("--all", help="List all requests.")]
