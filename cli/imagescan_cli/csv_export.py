"""Results as a CSV table for spreadsheets. Pure."""

import csv
from collections.abc import Iterable
from io import StringIO
from typing import Any

from imagescan_cli.batch import ImageResult
from imagescan_cli.features import Feature, findings
from imagescan_cli.formatting import VERDICTS
from imagescan_cli.questions import printable_path
from imagescan_cli.schemas import RequestJson, failure_code, outcome

COLUMNS = (
    "path",
    "verdict",
    "message",
    "matched_label",
    "confidence",
    "labels",
    "conversion",
    "failure_code",
    "request_id",
    "image_hash",
    "features",
    "moderation",
    "text",
)
# Spreadsheets run a cell that begins with one of these as a formula. The last four are their full-width forms.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def format_csv(results: Iterable[ImageResult]) -> str:
    """Return a header and one row per image. An apostrophe precedes cells that a spreadsheet would run as a formula."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in results:
        writer.writerow([_safe_cell(cell) for cell in _row(each)])
    return text.getvalue()


def _row(each: ImageResult) -> list[Any]:
    result, match = each.result, each.result.get("match") or {}
    return [
        printable_path(each.path),
        VERDICTS[outcome(result)],
        result["message"],
        match.get("label"),
        match.get("confidence"),
        _format_findings(result, Feature.LABELS),
        each.conversion,
        failure_code(result),
        result["request_id"],
        result.get("image_hash"),
        "; ".join(result.get("features") or ()),
        _format_findings(result, Feature.MODERATION),
        _format_findings(result, Feature.TEXT),
    ]


def _format_findings(result: RequestJson, feature: Feature) -> str:
    """Return all findings of a feature with their confidence in percent.

    An empty cell means that nothing was found, unless the request has not completed or the column ``features`` lacks
    the feature. Text can contain the separator. Its exact lines are in the JSON output.
    """
    return "; ".join(f"{each.name} {each.confidence:.1f}%" for each in findings(result, feature) or ())


def _safe_cell(cell: Any) -> Any:
    is_formula = isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA_STARTS)
    return f"'{cell}" if is_formula else cell
