"""Discrete-event simulation with ordinary code: virtual time advances only while all processes sleep.

Each process is a thread. Only one runs at a time. The others sleep until their wake-up time.
"""

import heapq
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

_STACK = 256 * 1024  # bytes; small because thousands of threads sleep at the same time


class VirtualClock:
    """Scheduler of the processes. ``now`` is the virtual time in seconds."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._sleepers: list[tuple[float, int, threading.Lock]] = []
        self._order = count()
        self._over = threading.Lock()
        self._error: BaseException | None = None

    def time(self) -> float:
        return self.now

    def start(self, process: Callable[[], object], at: float | None = None) -> None:
        """Start a process at a virtual time. The default is now."""
        begins = self._sleeper(self.now if at is None else at)

        def run() -> None:
            begins.acquire()
            try:
                process()
            except BaseException as error:  # noqa: BLE001 - run raises it
                self._error = error
                self._over.release()
                return
            self._next()

        threading.Thread(target=run, daemon=True).start()

    def sleep(self, seconds: float) -> None:
        """Suspend the calling process."""
        awakes = self._sleeper(self.now + seconds)
        self._next()
        awakes.acquire()

    def all_of(self, processes: Sequence[Callable[[], object]]) -> None:
        """Run processes concurrently, and suspend the calling process until all have ended."""
        left, ended = len(processes), threading.Lock()
        ended.acquire()

        def one_of(process: Callable[[], object]) -> None:
            nonlocal left
            process()
            left -= 1
            if not left:
                heapq.heappush(self._sleepers, (self.now, next(self._order), ended))

        for process in processes:
            self.start(partial(one_of, process))
        self._next()
        ended.acquire()

    def run(self) -> None:
        """Run until no process is left. Raise the first exception of a process, which ends the simulation."""
        before = threading.stack_size(_STACK)
        self._over.acquire()
        self._next()
        self._over.acquire()
        threading.stack_size(before)
        if self._error:
            raise self._error

    def _sleeper(self, until: float) -> threading.Lock:
        lock = threading.Lock()
        lock.acquire()
        heapq.heappush(self._sleepers, (until, next(self._order), lock))
        return lock

    def _next(self) -> None:
        """Resume the process with the earliest wake-up time. The caller must then sleep or end."""
        if not self._sleepers:
            self._over.release()
            return
        self.now, _, lock = heapq.heappop(self._sleepers)
        lock.release()
