"""Logs and metrics of the sweeper."""

from dataclasses import asdict, dataclass
from typing import Any

from imagescan.domain.image import hash_from_key
from imagescan.runtime import metrics
from imagescan.runtime.log import logger
from imagescan.use_cases.sweep import Queue, SweepReport


@dataclass(frozen=True, slots=True)
class LoggedQueue:
    """A queue that logs each image it enqueues, so that the request trace shows it."""

    queue: Queue

    def enqueue(self, key: str) -> None:
        self.queue.enqueue(key)
        logger.info("requeued", image_hash=hash_from_key(key))


def report_sweep(swept: SweepReport, images_purged: int) -> dict[str, Any]:
    """Log the run, emit its metrics and return what was logged."""
    report = asdict(swept) | {"images_purged": images_purged}
    logger.info("sweep_finished", extra=report)
    metrics.count(
        {
            "Pending": swept.pending,
            "Overdue": swept.overdue,
            "LateSettlements": swept.settled,
            "Requeued": swept.requeued,
            "ImagesPurged": images_purged,
        }
    )
    return report
