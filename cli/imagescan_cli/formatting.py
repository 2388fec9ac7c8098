"""Results as text for people. Pure."""

from collections import Counter
from collections.abc import Iterable

from imagescan_cli.schemas import Outcome, RequestJson, outcome

_SUMMARY_WORDS = {
    Outcome.MATCH: "yes",
    Outcome.NO_MATCH: "no",
    Outcome.FAILED: "failed",
    Outcome.PENDING: "pending",
}


def format_result(result: RequestJson, path: object = None) -> str:
    """Return one line with the image path (if any), the message and the request ID."""
    request_id, message = result["request_id"], result["message"]
    if path is None:
        return sanitize(f"{request_id}: {message}" if request_id else message)
    return sanitize(f"{path}: {message}" + (f" [{request_id}]" if request_id else ""))


def format_summary(results: Iterable[RequestJson], uploads: int) -> str:
    """Return one line with the number of images by outcome and the number of uploads."""
    outcomes = Counter(map(outcome, results))
    counts = [f"{outcomes[each]} {word}" for each, word in _SUMMARY_WORDS.items() if outcomes[each]]
    images = "image" if outcomes.total() == 1 else "images"
    return f"{outcomes.total()} {images}: {', '.join(counts)}; {uploads} uploaded."


def sanitize(text: str) -> str:
    """Replace non-printable characters: labels and file names are untrusted and could contain terminal sequences."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
