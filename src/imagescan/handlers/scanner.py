"""Messages from the scan queue, in batches"""

import os
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from imagescan.aws import clients
from imagescan.aws.daily_quota import DailyQuota
from imagescan.aws.feature_adapters import feature_adapter
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.rate_limiter import AdaptiveRateLimiter
from imagescan.aws.rekognition import Rekognition
from imagescan.aws.requests_table import RequestsTable
from imagescan.aws.scan_queue import ScanQueue, messages_from_event
from imagescan.domain.feature import Feature
from imagescan.runtime.init import init_once
from imagescan.runtime.scan_telemetry import emit_metrics, log_outcomes
from imagescan.settings import ScannerSettings, from_env
from imagescan.use_cases.scan_batch import scan_batch
from imagescan.use_cases.scan_image import Detector, Quota, Scanner, UnlimitedQuota

settings = cache(lambda: from_env(ScannerSettings, os.environ))


class Dependencies(NamedTuple):
    images: ImagesTable
    requests: RequestsTable
    bucket: ImageBucket
    detectors: Mapping[Feature, Detector]
    quota: Quota
    queue: ScanQueue


def _quota(names: ScannerSettings) -> Quota:
    """Return the quota. Without a limit, a scan makes no call to count it."""
    limit = names.daily_rekognition_limit
    return DailyQuota(clients.dynamodb_no_retry(), names.counters_table, limit) if limit else UnlimitedQuota()


def _detector(feature: Feature, bucket: str) -> Detector:
    return Rekognition(clients.rekognition(), bucket, feature_adapter(feature).detect, AdaptiveRateLimiter())


@init_once
def dependencies() -> Dependencies:
    names = settings()
    return Dependencies(
        ImagesTable(clients.dynamodb(), names.images_table, names.retention_seconds),
        RequestsTable(clients.dynamodb(), names.requests_table),
        ImageBucket(clients.s3(), names.images_bucket),
        {feature: _detector(feature, names.images_bucket) for feature in Feature},
        _quota(names),
        ScanQueue(clients.sqs(), names.scan_queue_url),
    )


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    images, requests, bucket, detectors, quota, queue = dependencies()
    clock, time_left = time.time, lambda: context.get_remaining_time_in_millis() / 1000
    retention = settings().retention_seconds
    scanner = Scanner(images, requests, bucket, detectors, clock, time_left, quota, retention)
    results = scan_batch(messages_from_event(event), lambda key: scanner.scan(key, owner=str(uuid.uuid4())))
    log_outcomes(results)
    emit_metrics(results)
    unfinished = [result for result in results if not result.is_done]
    queue.retry_later({result.message: result.delay_seconds for result in unfinished})
    return {"batchItemFailures": [{"itemIdentifier": result.message.id} for result in unfinished]}
