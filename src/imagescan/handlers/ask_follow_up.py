"""POST /scanrequest/{request_id}/questions"""

import os
import time
from typing import Any

from imagescan.api import http, request_models, serializers
from imagescan.api.dependencies import tables
from imagescan.api.http import Event, Response
from imagescan.runtime.init import init_once
from imagescan.settings import FollowUpSettings, from_env
from imagescan.use_cases.ask_follow_up import ask_follow_up

settings = init_once(lambda: from_env(FollowUpSettings, os.environ))


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    body = request_models.read(request_models.QuestionBody, http.body_text(event))
    answer = ask_follow_up(
        event["pathParameters"]["request_id"],
        body.question(settings().default_label, settings().default_confidence),
        images=tables().images,
        requests=tables().requests,
        now=time.time(),
        caller=http.caller(event),
    )
    return http.response(200, serializers.follow_up_body(answer))
