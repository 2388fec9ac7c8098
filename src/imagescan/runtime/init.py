"""Initialises collaborators once per execution environment."""

import os
from collections.abc import Callable
from functools import cache


def init_once[T](make: Callable[[], T]) -> Callable[[], T]:
    """Return a cached version of ``make`` that runs on first use, or on Lambda at import.

    Lambda provides a full vCPU while it initialises a function, and afterwards only the share that its memory size
    implies.
    """
    made = cache(make)
    if "AWS_EXECUTION_ENV" in os.environ:  # set by the Lambda runtime
        made()
    return made
