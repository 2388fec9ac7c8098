"""Print the progress of a command."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class CommandError(Exception):
    """A command failed. The message says why and what to do."""


@contextmanager
def step(purpose: str) -> Iterator[None]:
    """Print the purpose of a step, and its duration in seconds when it is done."""
    print(f"  ... {purpose}", flush=True)
    started = time.monotonic()
    yield
    print(f"   ok {purpose} ({time.monotonic() - started:.1f} s)", flush=True)


def warn(message: str) -> None:
    """Print a message to stderr, so that it does not mix with the command's output."""
    print(f"      {message}", file=sys.stderr, flush=True)
