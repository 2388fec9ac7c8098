"""Results as text for people. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from imagescan_cli.image_files import Skipped, SkipReason
from imagescan_cli.schemas import Outcome, RequestJson, has_failed, outcome

VERDICTS = {
    Outcome.MATCH: "yes",
    Outcome.NO_MATCH: "no",
    Outcome.FAILED: "failed",
    Outcome.PENDING: "pending",
}
FAILED_PREFIX = "Failed: "
MAX_NAMED_FILES = 20  # of the skipped files with the same reason
USD_PER_SCAN = 0.001  # list price of Amazon Rekognition for the first million images per month


def format_result(result: RequestJson, path: object = None, conversion: str | None = None) -> str:
    """Return one line with the image path (if any), the message and the request ID. Failures begin with "Failed:"."""
    request_id, message = result["request_id"], result["message"]
    prefix = FAILED_PREFIX if has_failed(result) else ""
    if path is None:
        return sanitize(prefix + (f"{request_id}: {message}" if request_id else message))
    note = f" ({conversion})" if conversion else ""
    return sanitize(f"{prefix}{path}{note}: {message}" + (f" [{request_id}]" if request_id else ""))


def format_summary(results: Sequence[RequestJson], *, uploads: int, conversions: int = 0, skipped: int = 0) -> str:
    """Return one line with the number of images by outcome, of uploads, of conversions and of skipped files."""
    outcomes = Counter(map(outcome, results))
    counts = ", ".join(f"{outcomes[each]} {word}" for each, word in VERDICTS.items() if outcomes[each])
    converted = f", {conversions} converted" if conversions else ""
    rest = f" {_count(skipped, 'file')} skipped." if skipped else ""
    return f"{_count(len(results), 'image')}: {counts}; {uploads} uploaded{converted}.{rest}"


def format_skipped(skipped: Iterable[Skipped], limit: int | None = MAX_NAMED_FILES) -> list[str]:
    """Return lines that count the skipped files by reason and name up to ``limit`` of each. None names all."""
    lines = []
    for reason in SkipReason:
        group = [each for each in skipped if each.reason is reason]
        if group:
            lines.append(f"Skipped {_count(sum(each.files for each in group), 'file')}: {reason}")
            lines += [f"  {_skipped_name(each)}" for each in group[:limit]]
            lines += (
                [f"  and {len(group) - limit:,} more (--dry-run names all)"] if limit and limit < len(group) else []
            )
    return lines


def format_estimate(images: int, distinct: int) -> str:
    """Return one line with the number of images and the maximum cost of scanning them."""
    cost = distinct * USD_PER_SCAN
    counts = f"{_count(images, 'image')}, {distinct:,} different: at most {_count(distinct, 'scan')}"
    return f"{counts}, USD {cost:,.3f} at the list price of Amazon Rekognition. Nothing was sent."


def format_duration(seconds: float) -> str:
    """Return hours, minutes and seconds: 0:01:30."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def sanitize(text: str) -> str:
    """Replace non-printable characters: labels and file names are untrusted and could contain terminal sequences."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _skipped_name(skipped: Skipped) -> str:
    return f"{skipped.path}/ ({_count(skipped.files, 'file')})" if skipped.path.is_dir() else f"{skipped.path}"
