"""Scheduled runs that purge the images of deleted requests"""

import os
import time
from typing import Any

from imagescan.api.dependencies import tables
from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.runtime.init import init_once
from imagescan.runtime.sweep_telemetry import log_failure, report_purge
from imagescan.settings import PurgerSettings, from_env
from imagescan.use_cases.purge_deleted_images import purge_deleted_images

settings = init_once(lambda: from_env(PurgerSettings, os.environ))


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    report = purge_deleted_images(
        images=tables().images,
        requests=tables().requests,
        bucket=ImageBucket(clients.s3(), settings().images_bucket),
        clock=time.time,
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        on_error=log_failure,
    )
    return report_purge(report)
