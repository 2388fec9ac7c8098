"""Requests and statistics as aligned text. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len, set_cell_size

from imagescan_cli.features import Feature, describe_asked, features_of
from imagescan_cli.formatting import VERDICTS, sanitize
from imagescan_cli.schemas import RequestJson, outcome

# Narrower terminals show the ID, which has 36 characters, on a line of its own.
MIN_WIDTH_FOR_ONE_LINE = 72
MAX_VERDICT_WIDTH = 18
_GAP, _INDENT = "  ", "    "
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_HEADER = ("AGE", "FILE", "VERDICT", "ID")
_KEEPS_END = (False, True, False, False)  # the end of a path is the file name
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_COUNTERS = {
    "images": "Images",
    "requests": "Requests",
    "completed": "  completed",
    "failed": "  failed",
    "scans": "Scans",
    "scans_avoided": "Scans avoided",
}
_REASONS = ("bytes", "content")


def format_requests(requests: Sequence[RequestJson], *, now: float, width: int | None) -> list[str]:
    """Return a table of requests that fits into ``width`` columns. None means unlimited. ``now`` is a Unix time."""
    if not requests:
        return []
    rows = [_HEADER, *(_row(request, now) for request in requests)]
    if width is None:
        return _align(rows, [_width_of(column) for column in zip(*rows, strict=True)])
    age = _width_of(row[0] for row in rows)
    verdict = min(MAX_VERDICT_WIDTH, _width_of(row[2] for row in rows))
    identifier = _width_of(row[3] for row in rows)
    if width >= MIN_WIDTH_FOR_ONE_LINE:
        file = min(_width_of(row[1] for row in rows), width - age - verdict - identifier - 3 * len(_GAP))
        return _align(rows, [age, file, verdict, identifier])
    file = min(_width_of(row[1] for row in rows), max(1, width - age - verdict - 2 * len(_GAP)))
    first_lines = _align([row[:3] for row in rows], [age, file, verdict])
    return [line for first, row in zip(first_lines, rows, strict=True) for line in (first, _INDENT + row[3])]


def format_statistics(statistics: Mapping[str, Any]) -> list[str]:
    """Return one line per counter, followed by one for each reason and each feature if the counter has such parts."""
    rows = [*_counter_rows(statistics)]
    names, numbers = _width_of(name for name, _ in rows), _width_of(number for _, number in rows)
    lines = [f"{name:<{names}}{_GAP}{number:>{numbers}}" for name, number in rows]
    return [*lines, f"{'As of':<{names}}{_GAP}{sanitize(statistics['as_of'])}"]


def format_age(seconds: float) -> str:
    """Return the largest whole unit: 5m, 3h, 2d. A clock that is behind results in 0s."""
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{max(0, int(seconds)) // size}{unit}"


def _counter_rows(statistics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    by_feature = statistics.get("by_feature") or {}
    for key, name in _COUNTERS.items():
        if key in statistics:
            yield name, f"{statistics[key]:,}"
        by_reason = statistics.get(f"{key}_by") or {}
        yield from ((f"  by {reason}", f"{by_reason[reason]:,}") for reason in _REASONS if reason in by_reason)
        parts = {feature: by_feature[feature] for feature in Feature if feature in by_feature}
        yield from ((f"  {feature}", f"{counters[key]:,}") for feature, counters in parts.items() if key in counters)


def _row(request: RequestJson, now: float) -> tuple[str, ...]:
    created_at = request.get("created_at")
    age = format_age(now - datetime.fromisoformat(created_at).timestamp()) if created_at else "-"
    asked = describe_asked(*(request.get(f"{feature}_asked") or () for feature in Feature))
    verdict = f"{VERDICTS[outcome(request)]} ({', '.join(asked or features_of(request))})"
    return tuple(map(sanitize, (age, request.get("reference") or "-", verdict, request["request_id"])))


def _align(rows: Iterable[Sequence[str]], widths: Sequence[int]) -> list[str]:
    return [_GAP.join(_fit(*each) for each in zip(row, widths, _KEEPS_END, strict=False)).rstrip() for row in rows]


def _fit(text: str, width: int, keep_end: bool) -> str:
    """Return a text with exactly ``width`` columns. Shorten it at the start (``keep_end``) or at the end."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if not keep_end:
        return set_cell_size(text, width - 1) + _ELLIPSIS
    while cell_len(text) >= width:
        text = text[1:]
    return set_cell_size(_ELLIPSIS + text, width)


def _width_of(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts))
