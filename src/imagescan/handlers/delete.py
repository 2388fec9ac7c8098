"""DELETE /scanrequest/{request_id}"""

import time
from typing import Any

from imagescan.api import http
from imagescan.api.dependencies import tables
from imagescan.api.http import Event, Response
from imagescan.runtime.log import logger
from imagescan.use_cases.delete_request import delete_request


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    deleted = delete_request(
        event["pathParameters"]["request_id"],
        images=tables().images,
        requests=tables().requests,
        now=time.time(),
        caller=http.caller(event),
    )
    logger.info("deleted", request_id=deleted.id, image_hash=deleted.image_hash)
    return http.no_content()
