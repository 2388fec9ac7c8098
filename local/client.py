"""A client of the API, as small as one can be: it asks about a picture and waits for the answer."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}

type Answer = dict[str, Any]


class Client:
    """Speaks to the API at a base address."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.Client(base_url=api_url, timeout=60)

    def post(self, body: Mapping[str, Any]) -> httpx.Response:
        """`POST /scanrequest` with that body, whatever the response."""
        return self._http.post("/scanrequest", json=body)

    def get(self, request_id: str, **query: str) -> httpx.Response:
        """`GET /scanrequest/{request_id}`, whatever the response."""
        return self._http.get(f"/scanrequest/{request_id}", params=query)

    def ask(self, picture: Path, label: str | None = None, seconds: float = 60) -> Answer:
        """Submits a picture and returns the body that answers it; `TimeoutError` after so many seconds."""
        submitted = self.post(question(picture, label)).raise_for_status().json()
        return self.wait(submitted, seconds)

    def wait(self, answer: Answer, seconds: float = 60) -> Answer:
        """Polls until the request is no longer pending."""
        end = time.monotonic() + seconds
        while answer["status"] == "pending":
            if time.monotonic() > end:
                raise TimeoutError(f"request {answer['request_id']} is still pending after {seconds:.0f} s")
            time.sleep(0.2)
            answer = self.get(answer["request_id"]).raise_for_status().json()
        return answer


def question(picture: Path, label: str | None = None) -> Answer:
    """The body of a POST about a picture; no label leaves the service its default."""
    body = {"file": base64.b64encode(picture.read_bytes()).decode(), "fileType": TYPES[picture.suffix.lower()]}
    return body | ({"label": label} if label else {})
