"""An adaptive rate limiter: a small increase per successful call, a large decrease after a throttled one.

The SDK's ``adaptive`` retry mode is similar, but it measures in intervals of half a second. At the first throttled
calls of a burst it has measured almost nothing, and it needs seconds to return to the rate that the service accepts.
"""

import math
import threading
import time
from collections.abc import Callable

RESET_AFTER_SECONDS = 60.0
"""Time after the last throttled call at which the limit is removed, so that rare calls are not slowed for long."""
MIN_RATE = 0.5
"""Calls per second. The last call of a batch of ten waits at most 20 s."""
_DECREASE_FACTOR = 0.7  # of the rate, after a throttled call
_INCREASE_FACTOR = 0.0025  # per successful call and second since the last throttled one


class AdaptiveRateLimiter:
    """Unlimited at first, and again ``RESET_AFTER_SECONDS`` after the last throttled call. It is thread-safe.

    ``clock`` returns seconds, and ``sleep`` accepts them.
    """

    # Not a data class: creating one would take longer than everything else here in a cold start.
    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._rate, self._slowed_at = math.inf, -math.inf
        self._slots = [-math.inf]  # the last one, and those in the second before it
        self._rate_lock, self._slot_lock = threading.Lock(), threading.Lock()

    def acquire(self) -> float:
        """Sleep until the next free slot and return its time."""
        with self._slot_lock:  # one caller at a time, so that the next one uses the rate of the time when it gets here
            now = self._clock()
            slot = max(now, self._slots[-1] + 1 / self._rate_at(now))
            if slot > now:  # sleep(0) would still yield
                self._sleep(slot - now)
            self._slots = [*(each for each in self._slots if each > slot - 1), slot]
        return slot

    def on_success(self) -> None:
        """Increase the rate. The increase grows with the time since the last throttled call."""
        with self._rate_lock:
            self._rate *= 1 + _INCREASE_FACTOR * (self._clock() - self._slowed_at)

    def on_throttle(self, slot: float) -> None:
        """Decrease the rate because the call of this slot was throttled. Calls in flight at that time count once."""
        with self._rate_lock:
            if slot > self._slowed_at:
                self._slowed_at = self._clock()
                self._rate = max(MIN_RATE, _DECREASE_FACTOR * min(self._rate, len(self._slots)))

    def _rate_at(self, now: float) -> float:
        with self._rate_lock:
            if now >= self._slowed_at + RESET_AFTER_SECONDS:
                self._rate = math.inf
            return self._rate
