"""Errors in what a client sends. Each has a stable ``code`` for programs and a message that says what to do."""


class ApiError(Exception):
    """The service cannot accept the request as it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BadInput(ApiError):
    """A field is missing or malformed."""


class TooLarge(ApiError):
    """The payload or the response exceeds a limit."""


class UnsupportedType(ApiError):
    """The image type is not supported, or not the declared one."""


class NotFound(ApiError):
    """The resource does not exist, or not for this caller."""


class LimitExceeded(ApiError):
    """The caller has used up a quota."""


class Conflict(ApiError):
    """The request conflicts with the current state of the resource."""
