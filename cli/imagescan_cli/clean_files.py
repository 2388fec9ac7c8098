"""Image files whose metadata is removed before they are hashed and sent."""

import hashlib
from dataclasses import replace
from pathlib import Path

from imagescan_cli.conversion import planned_conversion
from imagescan_cli.errors import ApiError
from imagescan_cli.image_files import ImageFile, read_image_file
from imagescan_cli.metadata import MetadataError, remove_metadata


def read_clean_file(path: Path) -> ImageFile | None:
    """Return the image in a file like ``read_image_file``, with size and SHA-256 of its bytes without metadata.

    An image that will be converted is returned as it is, because the conversion removes metadata. Raise ApiError if
    the metadata cannot be removed.
    """
    image = read_image_file(path)
    if image is None or planned_conversion(image):
        return image
    content = path.read_bytes()
    cleaned = _clean(content)
    if cleaned == content:
        return image
    return replace(image, sha256=hashlib.sha256(cleaned).hexdigest(), size=len(cleaned), is_cleaned=True)


def read_content(image: ImageFile) -> bytes:
    """Return the bytes to submit. Raise ApiError if they cannot be read."""
    try:
        content = (image.content or image.path).read_bytes()
    except OSError as error:
        raise ApiError("unreadable", f"Cannot read file: {error.strerror}.") from error
    return _clean(content) if image.is_cleaned else content


def _clean(content: bytes) -> bytes:
    try:
        return remove_metadata(content)
    except MetadataError as error:
        message = f"Cannot remove metadata: {error}. Submit the image with --keep-metadata, or save it again."
        raise ApiError("metadata_not_removed", message) from error
