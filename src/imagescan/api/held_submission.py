"""Hold the response to an accepted submission."""

from dataclasses import replace

from imagescan.api import wait_preference
from imagescan.api.held_response import Clock, hold
from imagescan.api.request_factory import Submission
from imagescan.domain.errors import NotFound
from imagescan.use_cases.get_request import RequestState, get_request
from imagescan.use_cases.submit_request import SubmitResult


def hold_submission(
    accepted: SubmitResult, submission: Submission, seconds: int, clock: Clock
) -> tuple[SubmitResult, dict[str, str]]:
    """Wait until the request has an answer, for at most ``seconds`` after the submission was made.

    Return the submission and the header that confirms the preference. ``clock`` returns seconds since the epoch. The
    request stays accepted: an error or a deletion only ends the wait. A submission that awaits an upload is returned
    immediately, because the client has to upload the image first.
    """
    if accepted.upload:
        return accepted, {}

    def read() -> RequestState:
        request, (images, requests, *_) = accepted.request, submission
        return get_request(request.id, images=images, requests=requests, now=clock(), caller=submission.caller)

    applied = wait_preference.applied(seconds)
    try:
        state = hold(RequestState(accepted.request, accepted.items), read, submission.now + seconds, clock)
    except NotFound:  # deleted in the meantime
        return accepted, applied
    return replace(accepted, request=state.request, items=state.items), applied
