"""POST /scanrequest"""

import base64
import os
import time
import uuid
from functools import cache
from typing import Any

from imagescan import answer, images
from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers import submit_body
from imagescan.handlers.http import Event, Response, api, response
from imagescan.handlers.log import logger
from imagescan.requests import ScanRequest
from imagescan.settings import SubmitSettings
from imagescan.submit import Question, submit

settings = cache(lambda: SubmitSettings.from_env(os.environ))


@cache
def collaborators() -> dict[str, Any]:
    names = settings()
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table, names.retention_seconds),
        "bucket": ImageBucket(clients.s3(), names.images_bucket),
        "deadline_seconds": names.deadline_seconds,
    }


@api
def lambda_handler(event: Event, _context: Any) -> Response:
    sent = submit_body.read(_text(event))
    image = images.check(sent.content, sent.image_type)
    question = Question(sent.label or settings().default_label, sent.min_confidence or settings().default_confidence)
    return _accepted(submit(image, question, **collaborators(), request_id=str(uuid.uuid4()), now=time.time()))


def _text(event: Event) -> str | None:
    text: str | None = event.get("body")
    return base64.b64decode(text).decode(errors="replace") if text and event.get("isBase64Encoded") else text


def _accepted(request: ScanRequest) -> Response:
    logger.info("accepted", request_id=request.id, image_hash=request.image_hash, known=request.answer is not None)
    # relative to /scanrequest itself, so that it holds under any stage, domain or proxy
    headers = {"Location": f"scanrequest/{request.id}"}
    if request.answer:
        return response(200, answer.body(request), headers)
    return response(202, answer.body(request), {**headers, "Retry-After": "1"})
