"""POST /scanrequest and POST /scanrequests"""

import os
import time
from functools import cache, partial
from typing import Any

from imagescan import answer
from imagescan.aws import clients
from imagescan.aws.image_bucket import ImageBucket
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers import bodies, http, metrics
from imagescan.handlers.http import Event, Response
from imagescan.handlers.log import logger
from imagescan.handlers.new_request import checked_key, new_request
from imagescan.handlers.start import once
from imagescan.handlers.submit_many import Accept, each_by_itself, status_of, told
from imagescan.settings import SubmitSettings, from_env
from imagescan.submit import Submitted, submit

settings = cache(lambda: from_env(SubmitSettings, os.environ))


@once
def collaborators() -> dict[str, Any]:
    names = settings()
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table, names.retention_seconds),
        "bucket": ImageBucket(clients.s3(), names.images_bucket),
    }


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    accept_for = partial(accept, caller=http.caller(event))
    key = checked_key(http.header(event, "Idempotency-Key"))
    return _ROUTES[event["resource"]](http.text(event), key, accept_for)


def one(body: str | None, key: str | None, accept_for: Accept) -> Response:
    submitted = accept_for(bodies.read(bodies.SubmitBody, body), key)
    _count(submitted)
    # relative to /scanrequest itself, so that it holds under any stage, domain or proxy
    headers = {"Location": f"scanrequest/{submitted.request.id}"}
    waiting = {} if submitted.request.answer else http.ask_again(submitted.image)
    told = answer.body(submitted.request, submitted.image, submitted.upload)
    return http.response(status_of(submitted), told, headers | waiting)


def many(body: str | None, key: str | None, accept_for: Accept) -> Response:
    results = each_by_itself(bodies.read(bodies.ManyBody, body).entries, key, accept_for)
    _count(*(result for result in results if isinstance(result, Submitted)))
    return http.response(200, {"results": [told(result) for result in results]})


def accept(sent: bodies.SubmitBody, key: str | None, caller: str | None) -> Submitted:
    now, image = time.time(), sent.image()
    request = new_request(image, sent, caller=caller, idempotency_key=key, settings=settings(), now=now)
    submitted = submit(request, image, **collaborators(), now=now)
    known = submitted.request.answer is not None
    logger.info("accepted", request_id=submitted.request.id, image_hash=image.hash, known=known)
    return submitted


def _count(*taken: Submitted) -> None:
    known = sum(submitted.request.answer is not None for submitted in taken)
    metrics.count({"Requests": len(taken), "AnsweredAtOnce": known})


_ROUTES = {"/scanrequest": one, "/scanrequests": many}
