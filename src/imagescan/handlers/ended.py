"""The streams of the requests and images tables"""

import os
from typing import Any

from imagescan.announce import Ended, announce
from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.aws.event_bus import EventBus
from imagescan.aws.table_stream import ended_in
from imagescan.handlers.log import logger
from imagescan.handlers.start import once
from imagescan.requests import ScanRequest
from imagescan.settings import EndedSettings, from_env


@once
def collaborators() -> dict[str, Any]:
    names = from_env(EndedSettings, os.environ)
    return {
        "bus": EventBus(clients.events(), names.event_bus),
        "counters": CountersTable(clients.dynamodb(), names.counters_table),
    }


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    ended = ended_in(event)
    place = _announced(ended) if ended else None
    return {"batchItemFailures": [{"itemIdentifier": place}] if place else []}


def _announced(ended: list[Ended]) -> str | None:
    """The place from which Lambda is to tell all again, or None.

    After an error that is the first: Lambda would halve the batch of a function that raises, and one half may have
    been counted with the other.
    """
    for request in (each.what for each in ended if isinstance(each.what, ScanRequest)):
        logger.info("ended", request_id=request.id, image_hash=request.image_hash)
    try:
        return announce(ended, **collaborators())
    except Exception:  # noqa: BLE001 - whatever it is, it is logged and all of this comes again
        logger.exception("not_announced")
        return ended[0].place
