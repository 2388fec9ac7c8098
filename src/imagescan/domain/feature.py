"""Features: what a scan can look for in an image. Each is one paid call per image, with an item of its own."""

from enum import StrEnum


class Feature(StrEnum):
    """A feature of an image. The order is that of results and failures."""

    LABELS = "labels"
    MODERATION = "moderation"
    TEXT = "text"


OTHER_FEATURES: tuple[Feature, ...] = tuple(feature for feature in Feature if feature != Feature.LABELS)
_SEPARATOR = "#"
CONTENT_KEY_PREFIX = "contents/"
"""Prefix of the keys of the items of contents, in place of the hash of an image: ``contents/{content_hash}``."""


def all_item_keys(image_hash: str) -> list[str]:
    """Return the keys of the items for all features of an image."""
    return [item_key(image_hash, feature) for feature in Feature]


def item_key(image_hash: str, feature: Feature = Feature.LABELS) -> str:
    """Return the key of the item for a feature of an image: the hash, followed by the name of any other feature."""
    return image_hash if feature == Feature.LABELS else f"{image_hash}{_SEPARATOR}{feature}"


def hash_from_item_key(key: str) -> str:
    """Return the hash of the image in the key of an item."""
    return key.partition(_SEPARATOR)[0]


def feature_from_item_key(key: str) -> Feature:
    """Return the feature in the key of an item. Raise ValueError for an unknown one."""
    return Feature(key.partition(_SEPARATOR)[2] or Feature.LABELS)
