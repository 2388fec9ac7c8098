"""Control the Rekognition emulator: read its call counter and inject faults."""

from collections.abc import Sequence
from typing import Any

import httpx


class RekognitionControl:
    """Call the control API of the emulator at a base URL. See local/rekognition/README.md for the parameters."""

    def __init__(self, rekognition_url: str) -> None:
        self._http = httpx.Client(base_url=f"{rekognition_url}/_control", timeout=10)

    def calls(self) -> dict[str, Any]:
        """Return the number of DetectLabels calls since the last reset: in total, by image and by failure."""
        calls: dict[str, Any] = self._http.get("/calls").raise_for_status().json()
        return calls

    def calls_for(self, image_hash: str) -> int:
        """Return the number of calls for the image."""
        return int(self.calls()["by_image"].get(image_hash, 0))

    def reset(self) -> None:
        """Clear the call counts and the faults."""
        self._post("/reset")

    def fail(self, **fault: object) -> None:
        """Inject a fault, for example `next=2, kind="error", code="InternalServerError", status=500`."""
        self._post("/faults", fault)

    def set_rate_limit(self, per_second: float | None) -> None:
        """Throttle calls above the rate. None removes the limit."""
        self._post("/rate", {"per_second": per_second})

    def set_latency(self, ms: float, labels: Sequence[object]) -> None:
        """Return these labels after the latency, without running detection."""
        self._post("/latency", {"ms": ms, "labels": labels})

    def _post(self, path: str, body: object = None) -> None:
        self._http.post(path, json=body).raise_for_status()
