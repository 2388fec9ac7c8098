"""DELETE /scanrequest/{request_id}"""

import os
import time
from typing import Any, NamedTuple

from imagescan.api import http
from imagescan.api.http import Event, Response
from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.runtime.init import init_once
from imagescan.runtime.log import logger
from imagescan.settings import DeleteSettings, from_env
from imagescan.use_cases.delete_request import delete_request


class Dependencies(NamedTuple):
    images: ImagesTable
    requests: RequestsTable


@init_once
def dependencies() -> Dependencies:
    names = from_env(DeleteSettings, os.environ)
    return Dependencies(
        ImagesTable(clients.dynamodb(), names.images_table),
        RequestsTable(clients.dynamodb(), names.requests_table, names.retention_seconds),
    )


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    deleted = delete_request(
        event["pathParameters"]["request_id"],
        images=dependencies().images,
        requests=dependencies().requests,
        now=time.time(),
        caller=http.caller(event),
    )
    logger.info("deleted", request_id=deleted.id, image_hash=deleted.image_hash)
    return http.no_content()
