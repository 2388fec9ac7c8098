"""Logs and metrics of the sweeper and of the purger."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imagescan.domain.image import hash_from_key
from imagescan.runtime import metrics
from imagescan.runtime.log import logger
from imagescan.use_cases.purge_deleted_images import PurgeReport
from imagescan.use_cases.sweep import Queue, SweepReport


@dataclass(frozen=True, slots=True)
class LoggedQueue:
    """A queue that logs each image it enqueues, so that the request trace shows it."""

    queue: Queue

    def enqueue_all(self, keys: Sequence[str]) -> Sequence[str]:
        rejected = self.queue.enqueue_all(keys)
        for key in keys:
            if key not in rejected:
                logger.info("requeued", image_hash=hash_from_key(key))
        return rejected


def log_failure(item: str, error: Exception | str) -> None:
    """Log an item that could not be processed. The run continues with the other items."""
    exception = error if isinstance(error, Exception) else None
    logger.error("item_failed", item=item, reason=str(error), exc_info=exception)


def report_sweep(swept: SweepReport) -> dict[str, Any]:
    """Log the run, emit its metrics and return what was logged."""
    report = asdict(swept)
    logger.info("sweep_finished", extra=report)
    metrics.count(
        {
            "Pending": swept.pending,
            "Overdue": swept.overdue,
            "LateSettlements": swept.settled,
            "Requeued": swept.requeued,
            "FailedItems": swept.failed,
            "IncompleteSweeps": int(not swept.is_complete),
        }
    )
    return report


def report_purge(purged: PurgeReport) -> dict[str, Any]:
    """Log the run, emit its metrics and return what was logged."""
    report = asdict(purged)
    logger.info("purge_finished", extra=report)
    metrics.count(
        {
            "ImagesPurged": purged.images_purged,
            "FailedItems": purged.failed,
            "IncompletePurges": int(not purged.is_complete),
        }
    )
    return report
