"""Ask more about an image that was scanned, from its stored labels."""

from imagescan.errors import Conflict
from imagescan.labels import Question, judge
from imagescan.requests import Asked
from imagescan.status import Images, Requests, status


def ask(
    request_id: str, question: Question, *, images: Images, requests: Requests, now: float, caller: str | None = None
) -> Asked:
    """The verdict on the stored labels of the request's image. Nothing is scanned and nothing is written.

    Raises NotFound for an unknown id or another caller's; Conflict while there are no labels to ask, or when there
    never will be.
    """
    request = status(request_id, images=images, requests=requests, now=now, caller=caller).request
    if request.answer is None:
        raise Conflict("not_answered_yet", "The image is still waiting to be scanned. Ask again in a moment.")
    if request.answer.scan is None or request.answer.failure:
        raise Conflict("no_labels", "The request failed, so there are no labels to ask. Submit the image again.")
    return Asked(request, question, judge(question, request.answer.scan.labels))
