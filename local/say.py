"""What a command tells the person who waits for it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Trouble(Exception):
    """A command cannot do its work; its text says why and what to do."""


@contextmanager
def step(purpose: str) -> Iterator[None]:
    """Says what is being done, and how many seconds it took once it is done."""
    print(f"  ... {purpose}", flush=True)
    started = time.monotonic()
    yield
    print(f"   ok {purpose} ({time.monotonic() - started:.1f} s)", flush=True)


def note(sentence: str) -> None:
    """Tells something that was not asked for, apart from a command's own output."""
    print(f"      {sentence}", file=sys.stderr, flush=True)
