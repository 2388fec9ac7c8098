"""Questions about an image, as request bodies of the API. Pure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from imagescan_cli.image_files import ImageFile

type Body = dict[str, Any]

LOWEST_CONFIDENCE = 25  # percent; the service does not store labels below it


@dataclass(frozen=True, slots=True)
class Question:
    """Labels to look for. The service chooses a default for what is omitted. ``min_confidence`` is in percent."""

    labels: tuple[str, ...] = ()
    match_mode: str | None = None
    min_confidence: float | None = None
    reference: str | None = None

    def body(self) -> Body:
        """Return the fields that are set."""
        fields = {
            "labels": list(self.labels),
            "match_mode": self.match_mode,
            "min_confidence": self.min_confidence,
            "reference": self.reference,
        }
        return {name: value for name, value in fields.items() if value not in (None, [])}


def submit_body(image: ImageFile, question: Question) -> Body:
    """Return the request body that submits an image by hash, without its bytes."""
    return {"sha256": image.sha256, "size": image.size, "fileType": image.type, **question.body()}


def idempotency_key(body: Body, replaces: str | None = None) -> str:
    """Return a key that depends only on the body, so that another run or machine gets the same request.

    ``replaces`` is the ID of the expired request that the previous key returned. It gives the replacement a new key.
    """
    canonical = json.dumps([body, replaces], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
