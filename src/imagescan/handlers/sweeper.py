"""Scheduled runs of the sweeper"""

import os
import time
from typing import Any

from imagescan.api.dependencies import tables
from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.scan_queue import ScanQueue
from imagescan.runtime.init import init_once
from imagescan.runtime.sweep_telemetry import LoggedQueue, report_sweep
from imagescan.settings import SweeperSettings, from_env
from imagescan.use_cases.purge_deleted_images import purge_deleted_images
from imagescan.use_cases.sweep import sweep

settings = init_once(lambda: from_env(SweeperSettings, os.environ))


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    images, requests = tables()
    clock, time_left = time.time, lambda: context.get_remaining_time_in_millis() / 1000
    queue = LoggedQueue(ScanQueue(clients.sqs(), settings().scan_queue_url))
    bucket = ImageBucket(clients.s3(), settings().images_bucket)
    try:
        swept = sweep(images=images, requests=requests, queue=queue, clock=clock, time_left=time_left)
    finally:  # purging must not wait until every other problem is corrected
        purged = purge_deleted_images(images=images, requests=requests, bucket=bucket, clock=clock, time_left=time_left)
    return report_sweep(swept, purged)
