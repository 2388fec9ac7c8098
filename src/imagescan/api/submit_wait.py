"""Hold the response to an accepted submission until its request has an answer."""

from collections.abc import Callable
from dataclasses import replace

from imagescan.api import wait_preference
from imagescan.api.http import Event
from imagescan.api.request_factory import Submission
from imagescan.domain.errors import NotFound
from imagescan.runtime.log import logger
from imagescan.use_cases.get_request import RequestState, get_request
from imagescan.use_cases.submit_request import SubmitResult
from imagescan.use_cases.wait_for_answer import wait_for_answer


def wait_until_answered(
    event: Event, accepted: SubmitResult, submission: Submission, clock: Callable[[], float]
) -> tuple[SubmitResult, dict[str, str]]:
    """Wait until the request has an answer or the applied wait time has passed.

    Return the submission and the header that confirms the preference.

    ``clock`` returns seconds since the epoch. A submission that awaits an upload is returned immediately, because the
    client has to upload the image first.
    """
    seconds = 0 if accepted.upload else wait_preference.wait_seconds(event)
    is_complete = not seconds or accepted.request.answer
    result = accepted if is_complete else _wait(accepted, submission, submission.now + seconds, clock)
    return result, wait_preference.applied(seconds)


def _wait(accepted: SubmitResult, submission: Submission, end: float, clock: Callable[[], float]) -> SubmitResult:
    """Return the latest state at ``end`` or earlier. The request stays accepted: an error only ends the wait."""

    def read() -> RequestState:
        request, (images, requests, *_) = accepted.request, submission
        return get_request(request.id, images=images, requests=requests, now=clock(), caller=submission.caller)

    try:
        state = wait_for_answer(read, end - clock())
    except NotFound:  # deleted in the meantime
        return accepted
    except Exception:  # noqa: BLE001 - the client must learn the ID of its request
        logger.exception("wait_failed")
        return accepted
    return replace(accepted, request=state.request, image=state.image)
