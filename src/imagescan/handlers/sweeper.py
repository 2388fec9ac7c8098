"""Scheduled runs of the sweeper"""

import os
import time
from typing import Any

from imagescan.api.dependencies import tables
from imagescan.aws import clients
from imagescan.aws.scan_queue import ScanQueue
from imagescan.aws.sweep_position import SweepPosition
from imagescan.runtime.init import init_once
from imagescan.runtime.sweep_telemetry import LoggedQueue, log_failure, report_sweep
from imagescan.settings import SweeperSettings, from_env
from imagescan.use_cases.sweep import Sweep

settings = init_once(lambda: from_env(SweeperSettings, os.environ))


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    sweep = Sweep(
        images=tables().images,
        requests=tables().requests,
        queue=LoggedQueue(ScanQueue(clients.sqs(), settings().scan_queue_url)),
        position=SweepPosition(clients.dynamodb(), settings().counters_table),
        clock=time.time,
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        on_error=log_failure,
    )
    return report_sweep(sweep.run())
