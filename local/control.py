"""The control address of the Rekognition stand-in: its call counter and the faults that tests ask for."""

from collections.abc import Sequence
from typing import Any

import httpx


class RekognitionControl:
    """Speaks to the stand-in at a base address. What each call takes is in local/rekognition/README.md."""

    def __init__(self, rekognition_url: str) -> None:
        self._http = httpx.Client(base_url=f"{rekognition_url}/_control", timeout=10)

    def calls(self) -> dict[str, Any]:
        """How many DetectLabels calls came in since the last reset: in all, by image and by failure."""
        calls: dict[str, Any] = self._http.get("/calls").raise_for_status().json()
        return calls

    def calls_for(self, image_hash: str) -> int:
        """How many of them were for that image."""
        return int(self.calls()["by_image"].get(image_hash, 0))

    def reset(self) -> None:
        """Forgets calls and faults."""
        self._post("/reset")

    def fail(self, **fault: object) -> None:
        """Adds a fault: `next=2, kind="error", code="InternalServerError", status=500`, say."""
        self._post("/faults", fault)

    def limit_rate(self, per_second: float | None) -> None:
        """Refuses calls over that rate; None takes all."""
        self._post("/rate", {"per_second": per_second})

    def answer_after(self, ms: float, labels: Sequence[object]) -> None:
        """Answers with these labels after that time, without a look at the picture."""
        self._post("/latency", {"ms": ms, "labels": labels})

    def _post(self, path: str, body: object = None) -> None:
        self._http.post(path, json=body).raise_for_status()
