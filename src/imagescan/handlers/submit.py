"""POST /scanrequest and POST /scanrequests"""

import os
import time
from functools import cache
from typing import Any, NamedTuple

from imagescan.api import http, request_models, serializers, wait_preference
from imagescan.api.dependencies import caller_quota
from imagescan.api.held_submission import hold_submission
from imagescan.api.http import Event, Response
from imagescan.api.request_factory import Submission, create_request, validate_idempotency_key
from imagescan.api.submit_batch import http_status_for_submission, submit_entries, to_result
from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.domain.scan_request import deferred_until
from imagescan.runtime import metrics
from imagescan.runtime.init import init_once
from imagescan.settings import SubmitSettings, from_env
from imagescan.use_cases.submit_request import SubmitResult

settings = cache(lambda: from_env(SubmitSettings, os.environ))


class Dependencies(NamedTuple):
    images: ImagesTable
    requests: RequestsTable
    bucket: ImageBucket


@init_once
def dependencies() -> Dependencies:
    names = settings()
    return Dependencies(
        ImagesTable(clients.dynamodb(), names.images_table, names.retention_seconds),
        RequestsTable(clients.dynamodb(), names.requests_table, names.retention_seconds),
        ImageBucket(clients.s3(), names.images_bucket),
    )


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    key = validate_idempotency_key(http.header(event, "Idempotency-Key"))
    caller = http.caller(event)
    submission = Submission(*dependencies(), settings(), caller, time.time(), caller_quota(settings(), caller))
    return _SUBMIT_BY_RESOURCE[event["resource"]](event, key, submission)


def submit_one(event: Event, key: str | None, submission: Submission) -> Response:
    seconds = wait_preference.wait_seconds(event)  # before the request is accepted, because this can fail
    accepted = create_request(request_models.read(request_models.SubmitBody, http.body_text(event)), key, submission)
    _count(accepted)
    result, applied = hold_submission(accepted, submission, seconds, time.time)
    location, now = {"Location": f"scanrequest/{result.request.id}"}, time.time()  # relative to any stage or domain
    retry = {} if result.request.answer else http.retry_after(deferred_until(result.request, result.items, now))
    request = serializers.request_body(result.request, result.items, result.upload, now=now)
    return http.response(http_status_for_submission(result), request, location | retry | applied)


def submit_batch(event: Event, key: str | None, submission: Submission) -> Response:
    batch = request_models.read(request_models.BatchBody, http.body_text(event))
    results = submit_entries(batch.entries, key, submission)
    _count(*(result for result in results if isinstance(result, SubmitResult)))
    return http.response(200, {"results": [to_result(result, submission.now) for result in results]})


def _count(*accepted: SubmitResult) -> None:
    hits = sum(result.request.answer is not None for result in accepted)
    features = sum(len(result.request.features) for result in accepted)
    metrics.count({"Requests": len(accepted), "CacheHits": hits, "RequestedFeatures": features})


_SUBMIT_BY_RESOURCE = {"/scanrequest": submit_one, "/scanrequests": submit_batch}
