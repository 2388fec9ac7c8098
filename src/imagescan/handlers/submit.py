"""POST /scanrequest"""

import os
import time
from functools import cache
from typing import Any

from imagescan import answer
from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers import bodies, http, metrics
from imagescan.handlers.http import Event, Response
from imagescan.handlers.log import logger
from imagescan.handlers.new_request import new_request
from imagescan.settings import SubmitSettings
from imagescan.submit import Submitted, submit

settings = cache(lambda: SubmitSettings.from_env(os.environ))


@cache
def collaborators() -> dict[str, Any]:
    names = settings()
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table, names.retention_seconds),
        "bucket": ImageBucket(clients.s3(), names.images_bucket),
    }


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    sent, now = bodies.read(bodies.SubmitBody, http.text(event)), time.time()
    image = sent.image()
    key, caller = http.header(event, "Idempotency-Key"), http.caller(event)
    request = new_request(image, sent, caller=caller, idempotency_key=key, settings=settings(), now=now)
    return _accepted(submit(request, image, **collaborators(), now=now))


def _accepted(submitted: Submitted) -> Response:
    request = submitted.request
    logger.info("accepted", request_id=request.id, image_hash=request.image_hash, known=request.answer is not None)
    metrics.count({"Requests": 1, "AnsweredAtOnce": int(request.answer is not None)})
    # relative to /scanrequest itself, so that it holds under any stage, domain or proxy
    headers = {"Location": f"scanrequest/{request.id}"}
    if request.answer:
        return http.response(200, answer.body(request), headers)
    return http.response(202, answer.body(request, submitted.upload), {**headers, "Retry-After": "1"})
