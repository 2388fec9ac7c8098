"""The streams of the requests and images tables"""

import os
from typing import Any, NamedTuple

from imagescan.aws import clients
from imagescan.aws.counters_table import CountersTable
from imagescan.aws.event_bus import EventBus
from imagescan.aws.stream_records import finished_records
from imagescan.domain.events import FinishedRecord
from imagescan.domain.scan_request import ScanRequest
from imagescan.runtime import metrics
from imagescan.runtime.init import init_once
from imagescan.runtime.log import logger
from imagescan.settings import EventPublisherSettings, from_env
from imagescan.use_cases.publish_events import publish_events


class Dependencies(NamedTuple):
    bus: EventBus
    counters: CountersTable


@init_once
def dependencies() -> Dependencies:
    names = from_env(EventPublisherSettings, os.environ)
    return Dependencies(
        EventBus(clients.events(), names.event_bus), CountersTable(clients.dynamodb(), names.counters_table)
    )


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    records = finished_records(event, on_error=_report_malformed)
    retry_from = _publish(records) if records else None
    return {"batchItemFailures": [{"itemIdentifier": retry_from}] if retry_from else []}


def _report_malformed(item: str, error: Exception) -> None:
    logger.error("malformed_record", item=item, reason=repr(error))
    metrics.count({"MalformedRecords": 1})


def _publish(records: list[FinishedRecord]) -> str | None:
    """Return the sequence number from which Lambda must retry, or None.

    After an exception that is the first record. If the function raised, Lambda would split the batch, and one half may
    have been counted together with the other.
    """
    for request in (each.entity for each in records if isinstance(each.entity, ScanRequest)):
        logger.info("request_finished", request_id=request.id, image_hash=request.image_hash)
    try:
        return publish_events(records, bus=dependencies().bus, counters=dependencies().counters)
    except Exception:  # noqa: BLE001 - the error is logged, and all records are retried
        logger.exception("publish_failed")
        return records[0].sequence_number
