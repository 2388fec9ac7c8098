"""Errors that more than one module raises or handles."""


class ApiError(Exception):
    """The API or S3 rejected a request. ``code`` is stable, ``message`` is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class UnreachableError(Exception):
    """No response arrived, even after retries. The text names the URL."""


class WrongUrlError(Exception):
    """The server at the API URL is not the API. The text names the URL and the response."""


class RejectedCredentialsError(Exception):
    """The API rejected the credentials, or requires some. The text is its message, and says what to do."""


class AuthError(Exception):
    """Credentials are missing or unusable. The text says what to do."""
