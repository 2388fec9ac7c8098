"""Wait until a request is answered, by reading it repeatedly."""

import time
from collections.abc import Callable

from imagescan.use_cases.get_request import RequestState

MIN_PAUSE_SECONDS = 0.05
PAUSE_PER_ELAPSED_SECOND = 0.1  # an answer is returned at most 10% later than it is available


def wait_for_answer(
    read: Callable[[], RequestState],
    seconds: float,
    is_over: Callable[[RequestState], bool],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RequestState:
    """Return the first state for which the wait is over, or what is read after ``seconds``.

    ``clock`` returns seconds, and ``sleep`` accepts them. Raise what ``read`` raises.
    """
    started = clock()
    end = started + seconds
    while True:
        now = clock()
        pause = max(MIN_PAUSE_SECONDS, (now - started) * PAUSE_PER_ELAPSED_SECOND)
        sleep(max(0, min(pause, end - now)))
        is_last = clock() >= end
        state = read()
        if is_last or is_over(state):
            return state
