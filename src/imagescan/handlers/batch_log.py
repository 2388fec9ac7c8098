"""What the scanner logs and counts: a line for each image, with the reason why a message comes again."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from imagescan.handlers import metrics
from imagescan.handlers.log import logger
from imagescan.images import hash_in_key
from imagescan.scan import Outcome, Result
from imagescan.scan_batch import Judged

_FOR_PEOPLE = frozenset({Result.MISUSED, Result.BROKEN, Result.EXHAUSTED})  # somebody has to look into these
_POISON, _FAULTS, _SETTLED = "Poison", "Faults", "Settled"


def log_judged(judged: Sequence[Judged]) -> None:
    for each in judged:
        if each.poison:
            logger.error("poison", reason=each.poison, message_id=each.message.id, receives=each.message.receives)
        for outcome in each.outcomes:
            _log_outcome(each, outcome)


def count_judged(judged: Sequence[Judged]) -> None:
    """One metric for each kind of result, and one for all that somebody has to look into."""
    poison = sum(each.poison is not None for each in judged)
    outcomes = list({outcome.key: outcome for each in judged for outcome in each.outcomes}.values())
    faults = poison + sum(outcome.result in _FOR_PEOPLE for outcome in outcomes)
    settled = sum(outcome.settled for outcome in outcomes)
    metrics.count({**_by_result(outcomes), _POISON: poison, _FAULTS: faults, _SETTLED: settled})


def _by_result(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(outcome.result.title().replace("_", "") for outcome in outcomes)


def _log_outcome(judged: Judged, outcome: Outcome) -> None:
    _write_for(outcome)(
        outcome.result,
        image_hash=hash_in_key(outcome.key),
        detail=outcome.detail,
        settled=outcome.settled,
        message_id=judged.message.id,
        receives=judged.message.receives,
        comes_again_in=None if judged.is_done else judged.delay_seconds,
        exc_info=outcome.error,
    )


def _write_for(outcome: Outcome) -> Callable[..., None]:
    if outcome.result in _FOR_PEOPLE:
        return logger.error
    return logger.warning if outcome.error or not outcome.is_done else logger.info
