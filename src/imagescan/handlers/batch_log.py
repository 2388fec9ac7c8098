"""What the scanner logs: a line for each image, with the reason why a message comes again."""

from collections.abc import Callable, Iterable

from imagescan.handlers.log import logger
from imagescan.images import hash_in_key
from imagescan.scan import Outcome, Result
from imagescan.scan_batch import Judged

_FOR_PEOPLE = frozenset({Result.MISUSED, Result.BROKEN, Result.EXHAUSTED})  # somebody has to look into these


def log_judged(judged: Iterable[Judged]) -> None:
    for each in judged:
        if each.poison:
            logger.error("poison", reason=each.poison, message_id=each.message.id, receives=each.message.receives)
        for outcome in each.outcomes:
            _log_outcome(each, outcome)


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
