"""Answer a follow-up question about a scanned image from its stored labels."""

from imagescan.domain.errors import Conflict
from imagescan.domain.question import Question, evaluate
from imagescan.domain.scan_request import FollowUpAnswer
from imagescan.use_cases.get_request import Images, Requests, get_request


def ask_follow_up(
    request_id: str, question: Question, *, images: Images, requests: Requests, now: float, caller: str | None = None
) -> FollowUpAnswer:
    """Evaluate the question against the stored labels of the request's image. Nothing is scanned or written.

    Raise NotFound for an unknown ID or a request of another caller, and Conflict while there are no labels yet or if
    there never will be.
    """
    request = get_request(request_id, images=images, requests=requests, now=now, caller=caller).request
    if request.answer is None:
        raise Conflict("request_pending", "The image has not been scanned yet. Retry shortly.")
    if request.answer.scan is None or request.answer.failure:
        raise Conflict("labels_unavailable", "The request failed, so no labels are available. Submit the image again.")
    return FollowUpAnswer(request, question, evaluate(question, request.answer.scan.labels))
