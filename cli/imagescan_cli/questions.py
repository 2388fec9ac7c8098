"""What is asked of a picture, as the API reads it. Pure."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from imagescan_cli.pictures import Picture

type Body = dict[str, Any]

LOWEST_CONFIDENCE = 25  # the service keeps no label that is less certain


@dataclass(frozen=True, slots=True)
class Question:
    """Labels to look for, and how. What is left out is the service's to choose; ``min_confidence`` is in percent."""

    labels: tuple[str, ...] = ()
    match: str | None = None
    min_confidence: float | None = None
    reference: str | None = None

    def body(self) -> Body:
        """The fields that were chosen."""
        fields = {
            "labels": list(self.labels),
            "match": self.match,
            "min_confidence": self.min_confidence,
            "reference": self.reference,
        }
        return {name: value for name, value in fields.items() if value not in (None, [])}


def submission(picture: Picture, question: Question) -> Body:
    """The body that asks about a picture by its hash, without its bytes."""
    return {"sha256": picture.sha256, "size": picture.size, "fileType": picture.type, **question.body()}


def idempotency_key(body: Body, instead_of: str | None = None) -> str:
    """A key that is the same for the same body, also tomorrow and on another machine.

    ``instead_of`` is the id of the request that this key led to before and that lapsed: the key made with it leads on.
    """
    told = json.dumps([body, instead_of], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
