"""Logs and metrics of the scanner: one line per image and feature, with the delay before a retry."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from imagescan.domain.feature import OTHER_FEATURES
from imagescan.domain.image import hash_from_key
from imagescan.runtime import metrics
from imagescan.runtime.log import logger
from imagescan.use_cases.scan_batch import MessageResult
from imagescan.use_cases.scan_image import Outcome, OutcomeKind

_NEEDS_OPERATOR = frozenset({OutcomeKind.CONFIGURATION_ERROR, OutcomeKind.UNEXPECTED_ERROR, OutcomeKind.EXHAUSTED})
_CALLS = frozenset({OutcomeKind.SCANNED, OutcomeKind.REJECTED_IMAGE, OutcomeKind.TRANSIENT_ERROR})
_METRICS = {
    OutcomeKind.SCANNED: "Scanned",
    OutcomeKind.REUSED: "Reused",
    OutcomeKind.REJECTED_IMAGE: "RejectedImages",
    OutcomeKind.DUPLICATE: "Duplicate",
    OutcomeKind.EXHAUSTED: "Exhausted",
    OutcomeKind.OBJECT_MISSING: "ObjectMissing",
    OutcomeKind.HASH_MISMATCH: "HashMismatch",
    OutcomeKind.UNREQUESTED: "Unrequested",
    OutcomeKind.REQUEST_MISSING: "RequestMissing",
    OutcomeKind.DEFERRED: "Deferred",
    OutcomeKind.BACKING_OFF: "BackingOff",
    OutcomeKind.LEASED: "Leased",
    OutcomeKind.TRANSIENT_ERROR: "TransientErrors",
    OutcomeKind.CONFIGURATION_ERROR: "ConfigurationErrors",
    OutcomeKind.OUT_OF_TIME: "OutOfTime",
    OutcomeKind.UNEXPECTED_ERROR: "UnexpectedErrors",
}


def log_outcomes(results: Sequence[MessageResult]) -> None:
    """Log each malformed message and the outcome of each feature of each image."""
    for result in results:
        message = result.message
        if message.error:
            logger.error("malformed_message", reason=message.error, message_id=message.id, receives=message.receives)
        for outcome in result.outcomes:
            _log_outcome(result, outcome)


def emit_metrics(results: Sequence[MessageResult]) -> None:
    """Emit one metric per kind of outcome, and one for everything that needs an operator."""
    malformed = sum(result.message.error is not None for result in results)
    outcomes = list(
        {(outcome.key, outcome.feature): outcome for result in results for outcome in result.outcomes}.values()
    )
    alerts = malformed + sum(outcome.kind in _NEEDS_OPERATOR for outcome in outcomes)
    settled = sum(outcome.settled for outcome in outcomes)
    counts = _by_kind(outcomes) + _by_feature(outcomes)
    metrics.count({**counts, "MalformedMessages": malformed, "OperatorAlerts": alerts, "Settled": settled})


def _by_kind(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(_METRICS[outcome.kind] for outcome in outcomes)


def _by_feature(outcomes: Iterable[Outcome]) -> Counter[str]:
    """Count the calls of each feature except labels a second time, under names such as ``ScannedText``."""
    return Counter(
        f"{_METRICS[outcome.kind]}{outcome.feature.capitalize()}"
        for outcome in outcomes
        if outcome.feature in OTHER_FEATURES and outcome.kind in _CALLS
    )


def _log_outcome(result: MessageResult, outcome: Outcome) -> None:
    _log_function(outcome)(
        outcome.kind,
        image_hash=hash_from_key(outcome.key),
        feature=outcome.feature,
        detail=outcome.detail,
        settled=outcome.settled,
        message_id=result.message.id,
        receives=result.message.receives,
        retry_in_seconds=None if result.is_done else result.delay_seconds,
        exc_info=outcome.error,
    )


def _log_function(outcome: Outcome) -> Callable[..., None]:
    if outcome.kind in _NEEDS_OPERATOR:
        return logger.error
    return logger.warning if outcome.error or not outcome.is_done else logger.info
