"""A minimal API client: submit an image and wait for the result."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

CONTENT_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}

TIMEOUT_SECONDS = 180.0
"""Twenty concurrent requests start twenty functions, which takes more than a minute on a busy machine."""

type RequestJson = dict[str, Any]


class Client:
    """Call the API at a base URL."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.Client(base_url=api_url, timeout=TIMEOUT_SECONDS)

    def post(self, body: Mapping[str, Any], *, wait_seconds: int | None = None) -> httpx.Response:
        """Send `POST /scanrequest` and return the response, whatever its status code.

        With `wait_seconds`, the service may hold the response until the request has finished.
        """
        return self._http.post("/scanrequest", json=body, headers=_prefer(wait_seconds))

    def get(self, request_id: str, *, wait_seconds: int | None = None, **query: str) -> httpx.Response:
        """Send `GET /scanrequest/{request_id}` and return the response, whatever its status code.

        With `wait_seconds`, the service may hold the response until the request has finished.
        """
        return self._http.get(f"/scanrequest/{request_id}", params=query, headers=_prefer(wait_seconds))

    def ask(self, image: Path, label: str | None = None, seconds: float = TIMEOUT_SECONDS) -> RequestJson:
        """Submit an image and return the finished request. Raise TimeoutError if it is pending after `seconds`."""
        submitted = self.post(question(image, label)).raise_for_status().json()
        return self.wait(submitted, seconds)

    def wait(self, request: RequestJson, seconds: float = TIMEOUT_SECONDS) -> RequestJson:
        """Poll until the request is no longer pending. Raise TimeoutError after `seconds`."""
        end = time.monotonic() + seconds
        while request["status"] == "pending":
            if time.monotonic() > end:
                raise TimeoutError(f"request {request['request_id']} is still pending after {seconds:.0f} s")
            time.sleep(0.2)
            request = self.get(request["request_id"]).raise_for_status().json()
        return request


def _prefer(wait_seconds: int | None) -> dict[str, str]:
    return {} if wait_seconds is None else {"Prefer": f"wait={wait_seconds}"}


def question(image: Path, label: str | None = None) -> RequestJson:
    """Return the body of a POST that submits an image. Without a label, the service uses its default."""
    body = {"file": base64.b64encode(image.read_bytes()).decode(), "fileType": CONTENT_TYPES[image.suffix.lower()]}
    return body | ({"label": label} if label else {})
