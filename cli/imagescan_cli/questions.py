"""Questions about an image, as request bodies of the API. Pure."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any, Self

from imagescan_cli.features import Feature, describe_asked
from imagescan_cli.image_files import ImageFile

type Body = dict[str, Any]

MAX_REFERENCE_BYTES = 1024  # limits of the API
MAX_NAMES, MAX_NAME_LENGTH = 25, 100
LOWEST_CONFIDENCE = 25  # percent; the service does not store labels below it


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for. The service chooses a default for what is omitted.

    ``features`` are scanned without asking. ``min_confidence`` is in percent. An empty ``reference`` is not sent, and
    None stands for the path of the image.
    """

    labels: tuple[str, ...] = ()
    _: KW_ONLY
    moderation: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    match_mode: str | None = None
    min_confidence: float | None = None
    reference: str | None = None

    @property
    def asked(self) -> list[str]:
        """What the image is asked for, in words."""
        return describe_asked(self.labels, self.moderation, self.text)

    @property
    def needed_features(self) -> list[Feature]:
        """The features that the image is scanned for. The service asks for a label if nothing else is requested."""
        asked = {Feature.LABELS: self.labels, Feature.MODERATION: self.moderation, Feature.TEXT: self.text}
        needed = [feature for feature in Feature if asked[feature] or feature in self.features]
        return needed or [Feature.LABELS]

    @property
    def labels_only(self) -> bool:
        """Whether only labels are asked for, and nothing is scanned without asking."""
        return not (self.moderation or self.text or self.features)

    def for_path(self, path: Path) -> Self:
        """Return the question for an image, with its path as the reference unless there is one."""
        return self if self.reference is not None else replace(self, reference=reference_from_path(path))

    def body(self) -> Body:
        """Return the fields that are set. Features have a fixed order, so that the idempotency key has one too."""
        fields = {
            "labels": list(self.labels),
            "moderation": list(self.moderation),
            "text": list(self.text),
            "features": [feature for feature in Feature if feature in self.features],
            "match_mode": self.match_mode,
            "min_confidence": self.min_confidence,
            "reference": self.reference,
        }
        return {name: value for name, value in fields.items() if value not in (None, "", [])}


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names in comma-separated lists."""
    return distinct(filter(None, (name.strip() for value in values for name in value.split(","))))


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without repetitions. Names that differ only in case are the same."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name.casefold(), name)
    return tuple(first.values())


def is_utf8(text: str) -> bool:
    """Return whether a command-line argument was valid UTF-8. Python represents other bytes as surrogates."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def reference_from_path(path: Path) -> str:
    """Return a path as valid Unicode. A long one is shortened to its end, which contains the file name."""
    text = printable_path(path)
    if len(text.encode()) <= MAX_REFERENCE_BYTES:
        return text
    ellipsis = "\N{HORIZONTAL ELLIPSIS}"
    return ellipsis + text.encode()[len(ellipsis.encode()) - MAX_REFERENCE_BYTES :].decode(errors="ignore")


def printable_path(path: Path) -> str:
    """Return a path with a replacement character for each byte that is not UTF-8."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def submit_body(image: ImageFile, question: Question) -> Body:
    """Return the request body that submits an image by hash, without its bytes."""
    return {"sha256": image.sha256, "size": image.size, "fileType": image.type, **question.body()}


def idempotency_key(body: Body, replaces: str | None = None) -> str:
    """Return a key that depends only on the body, so that another run gets the same request.

    ``replaces`` gives a replacement a new key: it is the ID of the failed request that the previous key returned, or
    that key itself if its request was deleted.
    """
    canonical = json.dumps([body, replaces], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
