"""Uploads from the scan queue, in batches"""

import os
import time
import uuid
from functools import cache
from typing import Any

from imagescan.aws import clients
from imagescan.aws.daily_calls import DailyCalls
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.pace import Pace
from imagescan.aws.rekognition import Rekognition
from imagescan.aws.requests_table import RequestsTable
from imagescan.aws.scan_queue import ScanQueue, messages_in
from imagescan.handlers.batch_log import count_judged, log_judged
from imagescan.handlers.start import once
from imagescan.scan import Budget, NoLimit, Scanner
from imagescan.scan_batch import scan_batch
from imagescan.settings import ScannerSettings, from_env

settings = cache(lambda: from_env(ScannerSettings, os.environ))


def budget() -> Budget:
    """A day's calls are counted only where they are limited: otherwise a scan needs no call for it."""
    most = settings().max_calls_per_day
    return DailyCalls(clients.dynamodb_once(), settings().counters_table, most) if most else NoLimit()


@once
def collaborators() -> dict[str, Any]:
    names = settings()
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
        "bucket": ImageBucket(clients.s3(), names.images_bucket),
        "detector": Rekognition(clients.rekognition(), names.images_bucket, Pace()),
        "budget": budget(),
    }


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    scanner = Scanner(
        **collaborators(), clock=time.time, time_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    judged = scan_batch(messages_in(event), lambda key: scanner.scan(key, owner=str(uuid.uuid4())))
    log_judged(judged)
    count_judged(judged)
    unfinished = [each for each in judged if not each.is_done]
    ScanQueue(clients.sqs(), settings().scan_queue_url).give_back(
        {each.message: each.delay_seconds for each in unfinished}
    )
    return {"batchItemFailures": [{"itemIdentifier": each.message.id} for each in unfinished]}
