"""POST /scanrequest/{request_id}/questions"""

import os
import time
from typing import Any

from imagescan import answer
from imagescan.ask import ask
from imagescan.handlers import bodies, http
from imagescan.handlers.http import Event, Response
from imagescan.handlers.start import once
from imagescan.handlers.tables import tables
from imagescan.settings import QuestionsSettings, from_env

settings = once(lambda: from_env(QuestionsSettings, os.environ))


@http.api
def lambda_handler(event: Event, _context: Any) -> Response:
    sent = bodies.read(bodies.QuestionBody, http.text(event))
    question = sent.question(settings().default_label, settings().default_confidence)
    request_id = event["pathParameters"]["request_id"]
    asked = ask(request_id, question, **tables(), now=time.time(), caller=http.caller(event))
    return http.response(200, answer.of_question(asked))
