"""Hold a response until the request has an answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from imagescan.domain.errors import NotFound
from imagescan.domain.scan_request import deferred_until
from imagescan.runtime.log import logger
from imagescan.use_cases.get_request import RequestState
from imagescan.use_cases.wait_for_answer import wait_for_answer

OVERRUN_SECONDS = 2
"""How much longer than the wait its last read may take. API Gateway and the function end a call after 29 seconds, and
clients may wait for 25."""

type Clock = Callable[[], float]


def hold(state: RequestState, read: Callable[[], RequestState], end: float, clock: Clock) -> RequestState:
    """Return what ``read`` returns once the request has an answer, once its image is deferred, or at ``end``.

    ``clock`` returns seconds since the epoch. Without time to wait, or if a read fails or takes too long, return
    ``state``. Raise NotFound if the request was deleted in the meantime.
    """

    def is_over(state: RequestState) -> bool:
        return state.request.answer is not None or deferred_until(state.request, state.items, clock()) is not None

    seconds = end - clock()
    if seconds <= 0 or is_over(state):
        return state
    executor = ThreadPoolExecutor(1)  # the SDK can retry a read for longer than the time that is left
    try:
        return executor.submit(wait_for_answer, read, seconds, is_over).result(seconds + OVERRUN_SECONDS)
    except NotFound:
        raise
    except Exception:  # noqa: BLE001 - the state that is known is correct, and the client can get a later one
        logger.exception("wait_failed")
        return state
    finally:
        executor.shutdown(wait=False)
