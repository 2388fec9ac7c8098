"""Control the Rekognition emulator: read its call counters and inject faults."""

from collections.abc import Sequence
from typing import Any, Literal

import httpx

type Operation = Literal["DetectLabels", "DetectModerationLabels", "DetectText"]


class RekognitionControl:
    """Call the control API of the emulator at a base URL. See local/rekognition/README.md for the parameters.

    Without an operation, a fault applies to the next calls of any, and a rate or a latency to each operation.
    """

    def __init__(self, rekognition_url: str) -> None:
        self._http = httpx.Client(base_url=f"{rekognition_url}/_control", timeout=10)

    def calls(self, operation: Operation | None = None) -> dict[str, Any]:
        """Return the number of calls since the last reset: in total, by image and by failure.

        Without an operation, return the sums and, as `by_operation`, the numbers of each operation.
        """
        calls: dict[str, Any] = self._http.get("/calls").raise_for_status().json()
        return calls["by_operation"][operation] if operation else calls

    def calls_for(self, image_hash: str, operation: Operation | None = None) -> int:
        """Return the number of calls for the image."""
        return int(self.calls(operation)["by_image"].get(image_hash, 0))

    def reset(self) -> None:
        """Clear the call counts and the faults."""
        self._post("/reset")

    def fail(self, **fault: object) -> None:
        """Inject a fault, for example `next=2, kind="error", code="InternalServerError", operation="DetectText"`."""
        self._post("/faults", fault)

    def set_rate_limit(self, per_second: float | None, operation: Operation | None = None) -> None:
        """Throttle calls above the rate. None removes the limit."""
        self._post("/rate", {"per_second": per_second} | _only(operation))

    def set_latency(
        self,
        ms: float | None,
        labels: Sequence[object] | None = None,
        *,
        moderation_labels: Sequence[object] | None = None,
        text_detections: Sequence[object] | None = None,
        operation: Operation | None = None,
    ) -> None:
        """Set the minimum response time, and return fixed results without running the models. None removes both."""
        results = {"labels": labels, "moderation_labels": moderation_labels, "text_detections": text_detections}
        fixed = {name: value for name, value in results.items() if value is not None}
        self._post("/latency", {"ms": ms} | fixed | _only(operation))

    def _post(self, path: str, body: object = None) -> None:
        self._http.post(path, json=body).raise_for_status()


def _only(operation: Operation | None) -> dict[str, str]:
    return {"operation": operation} if operation else {}
