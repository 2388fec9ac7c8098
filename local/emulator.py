"""Run the AWS emulator and reject requests from foreign web pages.

The emulator accepts any credentials. Without this check, any web page in the developer's browser can create and invoke
functions, which run as the developer.

This module runs in the emulator's environment, so it imports only the standard library.
"""

import importlib
import json
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

type Message = dict[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Mapping[str, Any], Receive, Send], Coroutine[Any, Any, None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# Containers send this name. No web page can point it at this machine, unlike a domain of its own (DNS rebinding).
CONTAINER_HOST = "host.docker.internal"

_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?")
_LOCAL_ORIGIN = re.compile(r"https?://(127\.0\.0\.1|\[::1\]|([a-z0-9-]+\.)*localhost)(:\d{1,5})?")
_API = re.compile(r"/restapis/[^/]+/[^/]+/_user_request_(/.*)?", re.DOTALL)
_IMAGE = re.compile(r"/[a-z0-9.-]+/(images|uploads/[0-9a-f-]{36})/[0-9a-f]{64}\.(jpg|png)")
_S3_CREDENTIAL = re.compile(r"[^/]+/\d{8}/[^/]+/s3/aws4_request")
# Links to a result and redirects after sign-in have these parameters. S3 and the other services ignore them.
_PAGE_PARAMETERS = {"request", "code", "state", "error", "error_description"}
_SIGNATURE_PARAMETERS = {
    f"x-amz-{name}"
    for name in ("algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders")
}
_SAME_SITE_REQUESTS = {"none", "same-origin"}

_logger = logging.getLogger("local.emulator")


@dataclass(frozen=True)
class Rejection:
    """Why a request is rejected, and what to do."""

    code: str
    message: str

    def body(self) -> bytes:
        """Return the body of the 403 response."""
        return json.dumps({"code": self.code, "message": self.message}).encode()


class Request:
    """The parts of an ASGI request that show which web page sent it, if any."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.method = scope.get("method", "GET")
        self.path = str(scope["path"])
        self._parameters = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        self._headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def header(self, name: str) -> str | None:
        """Return the values of a header, joined with commas, or None if it is absent."""
        values = self._headers.get(name)
        return None if values is None else ", ".join(values)

    def port(self) -> str | None:
        """Return the port of the Host header, such as `:4566`, or None if the host is not local."""
        host = _HOST.fullmatch((self.header("host") or "").lower())
        if host is None:
            return None
        # Browsers and resolvers never look up names below localhost. S3 clients use them for virtual hosts.
        is_local = host[1] in LOOPBACK or host[1] == CONTAINER_HOST or host[1].endswith(".localhost")
        return (host[2] or "") if is_local else None

    def foreign_origin(self) -> str | None:
        """Return the origin of the web page that sent the request. Return None for the stack's own page and for tools.

        The result is empty if the browser states only that the page is foreign.
        """
        origin = self.header("origin")
        if origin is not None:
            return None if origin in {f"http://{name}{self.port()}" for name in LOOPBACK} else origin
        # Browsers omit Origin for images, scripts and links.
        return "" if (self.header("sec-fetch-site") or "none") not in _SAME_SITE_REQUESTS else None

    def is_api_call(self) -> bool:
        """Return whether the request goes to the deployed API, which any web page can call."""
        return _API.fullmatch(self.path) is not None

    def is_link_to_web_page(self) -> bool:
        """Return whether the user follows a link to the stack's web page."""
        return (
            self.method == "GET"
            and self.header("origin") is None
            and self.header("sec-fetch-mode") == "navigate"
            and self.header("sec-fetch-dest") == "document"
            and self.path.endswith("/index.html")
            and {name for name, _ in self._parameters} <= _PAGE_PARAMETERS
        )

    def is_upload(self) -> bool:
        """Return whether the request uploads an image with a presigned URL, or asks for permission to do so.

        All parameters must belong to the signature, because the emulator picks the service by the others.
        """
        parameters = {name.lower(): value for name, value in self._parameters}
        method = self.header("access-control-request-method") if self.method == "OPTIONS" else self.method
        return (
            method == "PUT"
            and _IMAGE.fullmatch(self.path) is not None
            and self.header("x-amz-target") is None
            and self.header("authorization") is None
            and len(parameters) == len(self._parameters)
            and parameters.keys() <= _SIGNATURE_PARAMETERS
            and _S3_CREDENTIAL.fullmatch(parameters.get("x-amz-credential", "")) is not None
        )


def rejection(request: Request, page_origins: Iterable[str] = ()) -> Rejection | None:
    """Return why the request is rejected, or None if it is allowed.

    Pages at `page_origins` can also upload images with presigned URLs.
    """
    if request.port() is None:
        return Rejection(
            "host_not_allowed",
            f"The host {request.header('host')!r} is not allowed. Use 127.0.0.1 or localhost. "
            f"In a container, use {CONTAINER_HOST}.",
        )
    origin = request.foreign_origin()
    if origin is None or request.is_api_call() or request.is_link_to_web_page():
        return None
    if origin in page_origins and request.is_upload():
        return None
    return Rejection("origin_not_allowed", _explain(origin, page_origins))


def _explain(origin: str, page_origins: Iterable[str]) -> str:
    page = "another origin" if origin in {"", "null"} else origin
    rule = (
        f"Web pages at {page} can call only the API on the local stack, because the AWS "
        "emulator accepts any credentials."
    )
    if origin in page_origins:
        return f"{rule} PAGE_ORIGINS allows only uploads of images with presigned URLs."
    if is_local_origin(origin):
        return f"{rule} To allow direct uploads from this page, run `make up PAGE_ORIGINS={origin}`."
    return rule


def is_local_origin(origin: str) -> bool:
    """Return whether the origin is a web server on this machine, such as `http://localhost:3000`."""
    return _LOCAL_ORIGIN.fullmatch(origin) is not None


def guard(app: App, page_origins: Iterable[str] = ()) -> App:
    """Return an ASGI app that passes allowed requests to `app` and responds with 403 to the others."""
    allowed = frozenset(page_origins)

    async def guarded(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            rejected = rejection(Request(scope), allowed)
            if rejected:
                await _reject(rejected, scope, send)
                return
        elif scope["type"] == "websocket" and _is_foreign(Request(scope)):
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # The server responds with 403.
            return
        await app(scope, receive, send)

    return guarded


def _is_foreign(request: Request) -> bool:
    # The API has no WebSocket routes, so no foreign page needs a connection.
    return request.port() is None or request.foreign_origin() is not None


async def _reject(rejected: Rejection, scope: Mapping[str, Any], send: Send) -> None:
    _logger.warning("Rejected %s %r: %s", scope["method"], scope["path"], rejected.message)
    body = rejected.body()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Run the emulator. The arguments are the origins of other pages that can upload images."""
    page_origins, sys.argv[1:] = sys.argv[1:], []
    ministack: Any = importlib.import_module("ministack.app")
    # `main` of this module serves its global `app`.
    ministack.app = guard(ministack.app, page_origins)
    ministack.main()


if __name__ == "__main__":
    main()
