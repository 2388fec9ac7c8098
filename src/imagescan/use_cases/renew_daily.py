"""Extend the expiry of items that are used, so that they outlive the requests that use them."""

from typing import Protocol

from imagescan.domain.content import content_item_key, is_content_item_key
from imagescan.domain.image_record import Image, Possession
from imagescan.domain.policy import DAY_SECONDS, ITEM_MARGIN_SECONDS


class Images[Item: (Image, Possession)](Protocol):
    def renew(self, read: Item, now: float) -> bool:
        """Extend the expiry of the item. Return False if it was deleted since it was ``read``."""


def renew_daily[Item: (Image, Possession)](
    item: Item, images: Images[Item], now: float, retention_seconds: int
) -> bool:
    """Extend the expiry of the item, unless this was done within the last day. Return False if it was deleted.

    That of its content is extended as well, so that another file with this content needs no scan either. Items of
    version 0.1.0 have no expiry before they are used again.
    """
    if (item.expires_at or 0) >= now + retention_seconds + ITEM_MARGIN_SECONDS - DAY_SECONDS:
        return True
    if isinstance(item, Image) and item.scan and item.scan.content_hash and not is_content_item_key(item.key):
        images.renew(Image(content_item_key(item.scan.content_hash, item.feature)), now)
    return images.renew(item, now)
