"""What a function makes once."""

import os
from collections.abc import Callable
from functools import cache


def once[T](make: Callable[[], T]) -> Callable[[], T]:
    """Makes it when it is first wanted, but on Lambda at the import.

    While Lambda starts a function it gives it a whole processor, and afterwards only its memory's share of one.
    """
    made = cache(make)
    if "AWS_EXECUTION_ENV" in os.environ:  # Lambda says there which runtime it is
        made()
    return made
