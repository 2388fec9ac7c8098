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


def awaited_features(pending: Iterable[ScanRequest], images: PossessionReader) -> frozenset[Feature]:
    """Return features that requests wait for whose owners have the image. It is empty if there is no such request.

    Of many requests, only the first ones with possession are considered.
    """
    for chunk in batched(pending, POSSESSIONS_PER_CALL, strict=False):
        possessions = read_possessions(chunk, images)
        found = frozenset(each for request in chunk if possessions.is_held(request) for each in request.features)
        if found:
            return found
    return frozenset()


def read_possessions(requests: Iterable[ScanRequest], images: PossessionReader) -> Possessions:
    """Read the possessions of the owners of these requests (at most 100) for their images.

    Read the images afterwards if a client receives an answer that no item stores yet: a purge never removes an image
    that was possessed before it was read.
    """
    keys = tuple(dict.fromkeys(key for request in requests if (key := possession_key(request))))
    return Possessions(images.possessions(keys) if keys else {})
