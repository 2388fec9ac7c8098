"""DELETE /scanrequest/{request_id}"""

import os
import time
from typing import Any

from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.delete import delete
from imagescan.handlers import http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.log import logger
from imagescan.handlers.start import once
from imagescan.settings import StatusSettings


@once
def collaborators() -> dict[str, Any]:
    names = StatusSettings.from_env(os.environ)
    return {
        "images": ImagesTable(clients.dynamodb(), names.images_table),
        "requests": RequestsTable(clients.dynamodb(), names.requests_table),
    }


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    request_id, caller = event["pathParameters"]["request_id"], http.caller(event)
    deleted = delete(request_id, **collaborators(), now=time.time(), caller=caller)
    logger.info("deleted", request_id=deleted.id, image_hash=deleted.image_hash)
    return http.no_content()
