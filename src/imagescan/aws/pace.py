"""The rate at which a service is called, once some of the calls were throttled.

The SDK's ``adaptive`` retry mode does as much, but measures by half seconds: the first throttled calls of a storm find
next to nothing measured, and seconds pass until it is back at the rate that comes through.
"""

import math
import threading
import time
from collections.abc import Callable

FORGOTTEN_SECONDS = 60.0  # after the last throttled call, so that seldom calls are not slowed long after a storm
SLOWEST = 0.5  # calls a second: the last of a batch of ten waits 20 s at most
_KEPT = 0.7  # of the rate, after a throttled call
_GROWTH = 0.0025  # for each call that came through, times the seconds since one was throttled


class Pace:
    """Free at first, and again a minute after the last throttled call. Threads may share it.

    ``clock`` gives seconds, ``sleep`` takes them.
    """

    # No data class, which would take longer to make in a cold start than all else here.
    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._rate, self._slowed_at = math.inf, -math.inf
        self._turns = [-math.inf]  # the last, and those of the second before it
        self._rate_lock, self._turnstile = threading.Lock(), threading.Lock()

    def wait(self) -> float:
        """Sleep until it is the caller's turn, and say when that was."""
        with self._turnstile:  # one at a time, so that all behind it go by the rate of when they get there
            now = self._clock()
            turn = max(now, self._turns[-1] + 1 / self._rate_at(now))
            if turn > now:  # to sleep for no time takes the system some
                self._sleep(turn - now)
            self._turns = [*(each for each in self._turns if each > turn - 1), turn]
        return turn

    def passed(self) -> None:
        """A call came through: the longer none was throttled, the sooner the rate grows."""
        with self._rate_lock:
            self._rate *= 1 + _GROWTH * (self._clock() - self._slowed_at)

    def throttled(self, turn: float) -> None:
        """The call of that turn was throttled; those that were in flight with it count once."""
        with self._rate_lock:
            if turn > self._slowed_at:
                self._slowed_at = self._clock()
                self._rate = max(SLOWEST, _KEPT * min(self._rate, len(self._turns)))

    def _rate_at(self, now: float) -> float:
        with self._rate_lock:
            if now >= self._slowed_at + FORGOTTEN_SECONDS:
                self._rate = math.inf
            return self._rate
