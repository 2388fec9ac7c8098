"""The schedule's rounds"""

import os
import time
from dataclasses import asdict
from functools import cache
from typing import Any

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.aws.scan_queue import ScanQueue
from imagescan.handlers.log import logger
from imagescan.settings import ScannerSettings
from imagescan.sweep import sweep


@cache
def collaborators() -> dict[str, Any]:
    names = ScannerSettings.from_env(os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
        "queue": ScanQueue(clients.sqs(), names.queue_url),
    }


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    swept = sweep(**collaborators(), clock=time.time, time_left=lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("swept", extra=asdict(swept))
    return asdict(swept)
