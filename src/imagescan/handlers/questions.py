"""POST /scanrequest/{request_id}/questions"""

import os
import time
from functools import cache
from typing import Any

from imagescan import answer
from imagescan.ask import ask
from imagescan.aws import clients
from imagescan.aws.images_table import ImagesTable
from imagescan.aws.requests_table import RequestsTable
from imagescan.handlers import bodies, http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.start import once
from imagescan.settings import QuestionsSettings

settings = cache(lambda: QuestionsSettings.from_env(os.environ))


@once
def collaborators() -> dict[str, Any]:
    return {
        "images": ImagesTable(clients.dynamodb(), settings().images_table),
        "requests": RequestsTable(clients.dynamodb(), settings().requests_table),
    }


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    sent = bodies.read(bodies.QuestionBody, http.text(event))
    question = sent.question(settings().default_label, settings().default_confidence)
    request_id = event["pathParameters"]["request_id"]
    asked = ask(request_id, question, **collaborators(), now=time.time(), caller=http.caller(event))
    return http.response(200, answer.of_question(asked))
