"""What can be wrong with what a stranger sends.

Each error carries a stable ``code`` for programs and a sentence for people that says what is wrong and what to do.
"""


class Rejected(Exception):
    """What was sent cannot be taken as it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BadInput(Rejected):
    """A field is missing or malformed."""


class TooLarge(Rejected):
    """More bytes than the service takes."""


class UnsupportedType(Rejected):
    """Not a type of image that the service takes, or not the type it was said to be."""


class NotFound(Rejected):
    """There is nothing of that name."""


class Conflict(Rejected):
    """It does not fit what is there already."""
