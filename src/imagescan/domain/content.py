"""What files with the same content share: the scan of one of them.

A content has an item for each feature in the images table, next to those of its files. It is leased, attempted and
finished like that of a file. A file that is not scanned itself gets a copy of the scan.
"""

from dataclasses import replace

from imagescan.domain.feature import CONTENT_KEY_PREFIX, Feature, all_item_keys, item_key
from imagescan.domain.image_record import Origin, Scan


def content_item_key(content_hash: str, feature: Feature) -> str:
    """Return the key of the item for a feature of a content."""
    return item_key(f"{CONTENT_KEY_PREFIX}{content_hash}", feature)


def all_content_item_keys(content_hash: str) -> list[str]:
    """Return the keys of the items for all features of a content."""
    return all_item_keys(f"{CONTENT_KEY_PREFIX}{content_hash}")


def is_content_item_key(key: str) -> bool:
    """Return whether the item under this key is that of a content instead of an image."""
    return key.startswith(CONTENT_KEY_PREFIX)


def content_scan(scan: Scan, image_hash: str) -> Scan:
    """Return the scan of this file as the scan of its content."""
    return replace(scan, scanned_hash=image_hash)


def file_scan(scan: Scan, image_hash: str, now: float, request_id: str | None, owner: str | None) -> Scan:
    """Return the scan of a content as the scan of a file with this content.

    It finishes ``now``, because a request counts only the scans that were stored by its deadline. It is a copy, made
    for this request, unless the file is the one that was scanned.
    """
    stored = replace(scan, finished_at=now, scanned_hash=None)
    if scan.scanned_hash == image_hash:
        return stored
    return replace(stored, scanned_for=request_id, owner=owner, origin=Origin(scan.finished_at, scan.owner == owner))
