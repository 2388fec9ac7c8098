"""Results as text for people. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imagescan_cli.features import Feature, Finding, features_of, findings
from imagescan_cli.image_files import Skipped, SkipReason
from imagescan_cli.schemas import Outcome, RequestJson, has_failed, outcome

VERDICTS = {
    Outcome.MATCH: "yes",
    Outcome.NO_MATCH: "no",
    Outcome.SCANNED: "scanned",
    Outcome.FAILED: "failed",
    Outcome.PENDING: "pending",
}
FAILED_PREFIX = "Failed: "
FEATURE_TITLES = {Feature.LABELS: "Labels", Feature.MODERATION: "Moderation", Feature.TEXT: "Text"}
MAX_FINDINGS = 5  # of one feature in the line of a result
MAX_FINDING_LENGTH = 60
MAX_NAMED_FILES = 20  # of the skipped files with the same reason
USD_PER_SCAN = 0.001  # list price of Amazon Rekognition for the first million images per month, for each feature


class ResultLine(NamedTuple):
    """The line of a result, without characters that could control a terminal."""

    before: str
    message: str
    after: str


def format_result(result: RequestJson, path: object = None, conversion: str | None = None) -> str:
    """Return one line with the image path (if any), the message, the findings and the request ID.

    Failures begin with "Failed:".
    """
    return "".join(result_line(result, path, conversion))


def result_line(result: RequestJson, path: object = None, conversion: str | None = None) -> ResultLine:
    """Return the line in parts, so that the message can have a style."""
    request_id = result["request_id"]
    subject = request_id if path is None else f"{path} ({conversion})" if conversion else path
    before = (FAILED_PREFIX if has_failed(result) else "") + (f"{subject}: " if subject else "")
    found = format_findings(result)
    after = (f" {found}" if found else "") + (f" [{request_id}]" if request_id and path is not None else "")
    return ResultLine(sanitize(before), sanitize(result["message"]), sanitize(after))


def format_findings(result: RequestJson) -> str:
    """Return a sentence for each feature of a completed request, unless it asked about labels only."""
    is_completed = result.get("status", "completed") == "completed"
    if not is_completed or (features_of(result) == [Feature.LABELS] and result["label_matched"] is not None):
        return ""
    found = {feature: findings(result, feature) for feature in Feature}
    return " ".join(
        f"{FEATURE_TITLES[feature]}: {format_found(feature, each, limit=MAX_FINDINGS)}."
        for feature, each in found.items()
        if each is not None
    )


def format_found(feature: Feature, found: Sequence[Finding], *, limit: int, decimals: int = 1) -> str:
    """Return up to ``limit`` findings with their confidence in percent. Text is quoted, and shortened if it is long."""
    quote = '"' if feature is Feature.TEXT else ""
    names = [f"{quote}{_shorten(each.name)}{quote} {each.confidence:.{decimals}f}%" for each in found[:limit]]
    more = f" and {len(found) - limit:,} more" if len(found) > limit else ""
    return (", ".join(names) or "none") + more


def format_rescan(features: Iterable[Feature]) -> str:
    """Return that a request does not have all of these features, and how to scan its image for them."""
    options = " ".join(f"--feature {feature}" for feature in features)
    return (
        "The request was not scanned for every feature of the question. Submit the image again, then ask about the new "
        f"request: imagescan submit FILE {options}"
    )


def format_summary(
    results: Sequence[RequestJson], *, uploads: int, conversions: int = 0, cleaned: int = 0, skipped: int = 0
) -> str:
    """Return one line that counts the images by outcome, the uploads, the changed images, and the skipped files."""
    outcomes = Counter(map(outcome, results))
    counts = ", ".join(f"{outcomes[each]} {word}" for each, word in VERDICTS.items() if outcomes[each])
    converted = f", {conversions} converted" if conversions else ""
    without_metadata = f", metadata removed from {cleaned}" if cleaned else ""
    rest = f" {count(skipped, 'file')} skipped." if skipped else ""
    return f"{count(len(results), 'image')}: {counts}; {uploads} uploaded{converted}{without_metadata}.{rest}"


def format_skipped(skipped: Iterable[Skipped], limit: int | None = MAX_NAMED_FILES) -> list[str]:
    """Return lines that count the skipped files by reason and name up to ``limit`` of each. None names all."""
    lines = []
    for reason in SkipReason:
        group = [each for each in skipped if each.reason is reason]
        if group:
            lines.append(f"Skipped {count(sum(each.files for each in group), 'file')}: {reason}")
            lines += [f"  {_skipped_name(each)}" for each in group[:limit]]
            lines += (
                [f"  and {len(group) - limit:,} more (--dry-run names all)"] if limit and limit < len(group) else []
            )
    return lines


def format_estimate(images: int, distinct: int, features: Sequence[Feature]) -> str:
    """Return one line with the number of images and the maximum cost of scanning them for these features."""
    scans = distinct * len(features)
    each = f" ({' + '.join(features)})" if len(features) > 1 else ""
    counts = f"{count(images, 'image')}, {distinct:,} different: at most {count(scans, 'scan')}{each}"
    return f"{counts}, USD {scans * USD_PER_SCAN:,.3f} at the list price of Amazon Rekognition. Nothing was sent."


def format_duration(seconds: float) -> str:
    """Return hours, minutes and seconds: 0:01:30."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def sanitize(text: str) -> str:
    """Replace non-printable characters: labels and file names are untrusted and could contain terminal sequences."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _shorten(name: str) -> str:
    return name if len(name) <= MAX_FINDING_LENGTH else name[: MAX_FINDING_LENGTH - 1] + "\N{HORIZONTAL ELLIPSIS}"


def count(number: int, noun: str) -> str:
    """Return the number with the noun, which is in the plural unless the number is 1."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _skipped_name(skipped: Skipped) -> str:
    return f"{skipped.path}/ ({count(skipped.files, 'file')})" if skipped.path.is_dir() else f"{skipped.path}"
