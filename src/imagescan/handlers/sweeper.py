"""The schedule's rounds"""

import os
import time
from dataclasses import asdict, dataclass
from typing import Any

from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.scan_queue import ScanQueue
from imagescan.forget import forget
from imagescan.handlers import metrics
from imagescan.handlers.log import logger
from imagescan.handlers.start import once
from imagescan.handlers.tables import tables
from imagescan.images import hash_in_key
from imagescan.settings import SweeperSettings, from_env
from imagescan.sweep import Queue, Swept, sweep


@dataclass(frozen=True, slots=True)
class LoggedQueue:
    """Tells of each image that is queued again, as a part of its story."""

    queue: Queue

    def announce(self, key: str) -> None:
        self.queue.announce(key)
        logger.info("queued_again", image_hash=hash_in_key(key))


settings = once(lambda: from_env(SweeperSettings, os.environ))


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    times: dict[str, Any] = {"clock": time.time, "time_left": lambda: context.get_remaining_time_in_millis() / 1000}
    names = settings()
    try:
        swept = sweep(**tables(), queue=LoggedQueue(ScanQueue(clients.sqs(), names.scan_queue_url)), **times)
    finally:  # a deletion does not wait until all else is mended
        removed = forget(**tables(), bucket=ImageBucket(clients.s3(), names.images_bucket), **times)
    did = asdict(swept) | {"images_removed": removed}
    logger.info("swept", extra=did)
    metrics.count(_counted(swept) | {"ImagesRemoved": removed})
    return did


def _counted(swept: Swept) -> dict[str, int]:
    return {
        "Waiting": swept.waiting,
        "Overdue": swept.overdue,
        "SettledLate": swept.settled,
        "QueuedAgain": swept.queued_again,
    }
