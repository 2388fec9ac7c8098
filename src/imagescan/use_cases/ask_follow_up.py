"""Answer a follow-up question about a scanned image from its stored findings."""

from collections.abc import Sequence

from imagescan.domain.errors import Conflict
from imagescan.domain.feature import Feature
from imagescan.domain.question import Question, evaluate
from imagescan.domain.scan_request import FollowUpAnswer
from imagescan.use_cases.get_request import Images, Requests, get_request


def ask_follow_up(
    request_id: str, question: Question, *, images: Images, requests: Requests, now: float, caller: str | None = None
) -> FollowUpAnswer:
    """Evaluate the question against the findings that the request holds. Nothing is scanned or written.

    Raise NotFound for an unknown ID or a request of another caller. Raise Conflict while there are no findings yet, if
    there never will be, and for a feature that the request did not need.
    """
    request = get_request(request_id, images=images, requests=requests, now=now, caller=caller).request
    if request.answer is None:
        raise Conflict("request_pending", "The image has not been scanned yet. Retry shortly.")
    if not request.answer.scans or request.answer.failure:
        raise Conflict("labels_unavailable", "The request failed, so it has no answer. Submit the image again.")
    findings = {scan.feature: scan.findings for scan in request.answer.scans}
    missing = [feature for feature in question.features if feature not in findings]
    if missing:
        raise _not_scanned(missing)
    return FollowUpAnswer(request, question, evaluate(question, findings))


def _not_scanned(missing: Sequence[Feature]) -> Conflict:
    names = " and ".join(f"'{feature}'" for feature in missing)
    features = ", ".join(f'"{feature}"' for feature in missing)
    return Conflict(
        "feature_not_scanned",
        f"This request was not scanned for {names}. Submit the image again with 'features': [{features}]. Each of "
        "these features then costs one Rekognition call.",
    )
