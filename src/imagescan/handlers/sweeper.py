"""The schedule's rounds"""

import os
import time
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.aws.scan_queue import ScanQueue
from imagescan.handlers import metrics
from imagescan.handlers.log import logger
from imagescan.images import hash_in_key
from imagescan.settings import ScannerSettings
from imagescan.sweep import Queue, Swept, sweep


@dataclass(frozen=True, slots=True)
class LoggedQueue:
    """Tells of each image that is queued again, as a part of its story."""

    queue: Queue

    def announce(self, key: str) -> None:
        self.queue.announce(key)
        logger.info("queued_again", image_hash=hash_in_key(key))


@cache
def collaborators() -> dict[str, Any]:
    names = ScannerSettings.from_env(os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
        "queue": LoggedQueue(ScanQueue(clients.sqs(), names.queue_url)),
    }


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    swept = sweep(**collaborators(), clock=time.time, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("swept", extra=asdict(swept))
    metrics.count(_counted(swept))
    return asdict(swept)


def _counted(swept: Swept) -> dict[str, int]:
    return {
        "Waiting": swept.waiting,
        "Overdue": swept.overdue,
        "SettledLate": swept.settled,
        "QueuedAgain": swept.queued_again,
    }
