"""DELETE /scanrequest/{request_id}"""

import time
from typing import Any

from imagescan.delete import delete
from imagescan.handlers import http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.log import logger
from imagescan.handlers.tables import tables


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    request_id, caller = event["pathParameters"]["request_id"], http.caller(event)
    deleted = delete(request_id, **tables(), now=time.time(), caller=caller)
    logger.info("deleted", request_id=deleted.id, image_hash=deleted.image_hash)
    return http.no_content()
