"""What the owners of requests may see of their images. Without authentication, nothing is read, and all is visible."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Protocol

from imagescan.domain.feature import Feature
from imagescan.domain.image_record import ImageItems, Possession, PossessionKey
from imagescan.domain.scan_request import ScanRequest, possession_key, visible_items

POSSESSIONS_PER_CALL = 100  # limit of BatchGetItem


class PossessionReader(Protocol):
    def possessions(self, keys: Sequence[PossessionKey]) -> dict[PossessionKey, Possession]:
        """Return these possessions (at most 100) using consistent reads. Missing ones are left out."""


@dataclass(frozen=True, slots=True)
class Possessions:
    """The possessions of the owners of some requests."""

    by_key: dict[PossessionKey, Possession]

    def of(self, request: ScanRequest) -> Possession | None:
        """Return the possession of the owner of the request, or None without one or without authentication."""
        key = possession_key(request)
        return self.by_key.get(key) if key else None

    def visible(self, request: ScanRequest, items: ImageItems) -> ImageItems | None:
        """Return the items of the request's image as its owner may see them."""
        return visible_items(request, items, self.of(request))

    def is_held(self, request: ScanRequest) -> bool:
        """Return whether the bytes of the image were received from the owner of the request by its deadline."""
        return self.visible(request, {}) is not None


def is_awaited(pending: Iterable[ScanRequest], images: PossessionReader, feature: Feature | None = None) -> bool:
    """Return whether the owner of any of these requests has its image, and waits for the ``feature`` if it is given."""
    needed = (request for request in pending if feature is None or feature in request.features)
    for chunk in batched(needed, POSSESSIONS_PER_CALL, strict=False):
        possessions = read_possessions(chunk, images)
        if any(possessions.is_held(request) for request in chunk):
            return True
    return False


def read_possessions(requests: Iterable[ScanRequest], images: PossessionReader) -> Possessions:
    """Read the possessions of the owners of these requests (at most 100) for their images.

    Read the images afterwards if a client receives an answer that no item stores yet: a purge never removes an image
    that was possessed before it was read.
    """
    keys = tuple(dict.fromkeys(key for request in requests if (key := possession_key(request))))
    return Possessions(images.possessions(keys) if keys else {})
