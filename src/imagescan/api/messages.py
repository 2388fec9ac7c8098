"""The sentence that explains the state or the answer of a request."""

from collections.abc import Callable

from imagescan.domain.feature import Feature
from imagescan.domain.image_record import ImageItems
from imagescan.domain.iso_time import iso_time
from imagescan.domain.match import ANY_MODERATION_LABEL, Match, MatchedBy, Result
from imagescan.domain.question import MatchMode, Question, Verdict
from imagescan.domain.scan_request import ScanRequest, deferred_until

_PENDING = "The image has not been scanned yet. Retry shortly."
_DEFERRED = "The daily scan limit was reached. The image will be scanned on {day} (UTC)."
_AWAITS_UPLOAD = "Waiting for the image upload or its scan. Upload the image if you have not done so."
_MODERATION_LABELS = "moderation labels"
_NOTHING_ASKED = "The image was scanned for {features}. The request asked no question."


def request_message(request: ScanRequest, items: ImageItems | None, now: float) -> str:
    """Return the state of a request as a sentence. ``now`` (epoch seconds) decides whether it is still deferred."""
    deferred_to = deferred_until(request, items, now)
    if deferred_to is not None:
        return _DEFERRED.format(day=iso_time(deferred_to)[:10])
    if request.answer is None:
        return _AWAITS_UPLOAD if request.awaits_upload else _PENDING
    if request.answer.verdict:
        return verdict_message(request.question, request.answer.verdict)
    return request.answer.failure.message if request.answer.failure else _PENDING


def verdict_message(question: Question, verdict: Verdict) -> str:
    """Return the verdict as a sentence that names what decided it."""
    if verdict.matched is None:
        return _NOTHING_ASKED.format(features=_join(list(question.features)))
    yes_or_no = "Yes" if verdict.matched else "No"
    if verdict.matched is not (question.mode is MatchMode.NONE):
        matches = [_found(result, result.match) for result in verdict.results if result.match]
        return f"{yes_or_no}: the image contains {', '.join(matches)}."
    missed = [_ASKED[result.feature](result.asked) for result in verdict.results if not result.match]
    confidence = f"with a confidence of {question.min_confidence:g}% or higher"
    if missed == [_MODERATION_LABELS]:
        return f"{yes_or_no}: no moderation label was found {confidence}."
    were = "was" if len(missed) == 1 else "were"
    return f"{yes_or_no}: {_join(missed)} {were} not found {confidence}."


def _asked_moderation(asked: str) -> str:
    return _MODERATION_LABELS if asked == ANY_MODERATION_LABEL else f"the moderation label '{asked}'"


_ASKED: dict[Feature, Callable[[str], str]] = {
    Feature.LABELS: lambda asked: f"'{asked}'",
    Feature.MODERATION: _asked_moderation,
    Feature.TEXT: lambda asked: f"the text '{asked}'",
}


def _found(result: Result, match: Match) -> str:
    if match.matched_by is MatchedBy.ANY:
        return f"the moderation label '{match.finding.name}' ({match.finding.confidence:.1f}%)"
    detail = "" if match.matched_by in _OBVIOUS else f", matched '{match.finding.name}' by {match.matched_by}"
    return f"{_ASKED[result.feature](result.asked)} ({match.finding.confidence:.1f}%{detail})"


_OBVIOUS = frozenset({MatchedBy.NAME, MatchedBy.TEXT})


def _join(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
