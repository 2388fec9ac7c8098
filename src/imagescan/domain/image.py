"""Which images the service accepts, and the object keys that hold them.

The limits are those of Amazon Rekognition (80 to 10,000 pixels per side, JPEG and PNG, 15 MB) and of a Lambda request.
Source: the Rekognition developer guide, "Guidelines and quotas".
"""

import hashlib
import re
from dataclasses import dataclass

from imagescan.domain.errors import BadInput, TooLarge, UnsupportedType
from imagescan.domain.image_header import HEADER_BYTES, ImageType, dimensions, sniff
from imagescan.domain.image_record import Failure

MIN_SIDE = 80
MAX_SIDE = 10_000
MAX_POSTED_BYTES = 4_500_000
"""base64 turns these into 6,000,000 bytes. Lambda accepts 6,291,456 including the event around them."""
MAX_STORED_BYTES = 15 * 1024 * 1024

KEY_PREFIX = "images/"
"""Prefix of the objects with posted bytes, one per distinct image: ``images/{hash}.{extension}``."""
UPLOAD_PREFIX = "uploads/"
"""Prefix of direct uploads, one object per request: ``uploads/{request_id}/{hash}.{extension}``."""
EXTENSIONS = {ImageType.JPEG: "jpg", ImageType.PNG: "png"}
IMAGE_INVALID = Failure(
    "image_invalid", "The image cannot be read. It may be corrupt. Save it again as JPEG or PNG and submit that file."
)
_KEY = re.compile(
    rf"(?:{KEY_PREFIX}|{UPLOAD_PREFIX}(?P<request_id>[0-9A-Za-z-]+)/)"
    rf"(?P<hash>[0-9a-f]{{64}})\.({'|'.join(EXTENSIONS.values())})"
)


@dataclass(frozen=True, slots=True)
class ValidatedImage:
    """The bytes of an image that can be scanned. Width and height are in pixels.

    ``content_hash`` is None if the file has no canonical form.
    """

    content: bytes
    type: ImageType
    width: int
    height: int
    hash: str
    content_hash: str | None = None

    @property
    def size(self) -> int:
        """Size in bytes."""
        return len(self.content)

    @property
    def key(self) -> str:
        """Object key of the image."""
        return object_key(self.hash, self.type)


@dataclass(frozen=True, slots=True)
class DeclaredImage:
    """An image whose bytes are uploaded later. S3 enforces the declared hash, size in bytes and type."""

    hash: str
    size: int
    type: ImageType


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object: the SHA-256 of its bytes, and the ID of the request that uploaded it, if known.

    ``uploaded_at`` is in whole seconds since the Unix epoch, rounded down. ``content_hash`` is None if the bytes have
    no canonical form.
    """

    key: str
    version: str | None
    hash: str
    request_id: str | None
    uploaded_at: float = 0.0
    content_hash: str | None = None


def validate_image(content: bytes, declared: ImageType) -> ValidatedImage:
    """Return the image in ``content`` if it can be scanned.

    Raise BadInput (empty, corrupt, or a side outside 80 to 10,000 pixels), TooLarge (over 4,500,000 bytes) or
    UnsupportedType (neither JPEG nor PNG, or not the declared type).
    """
    if not content:
        raise BadInput("empty_file", "The file is empty. Send the bytes of a JPEG or PNG image as base64 in 'file'.")
    if len(content) > MAX_POSTED_BYTES:
        raise TooLarge(
            "file_too_large",
            f"The file has {len(content):,} bytes. The maximum is {MAX_POSTED_BYTES:,} bytes. Compress the image, or "
            f"use a direct upload ('sha256' and 'size') for up to {MAX_STORED_BYTES:,} bytes.",
        )
    actual = _validated_type(content, declared)
    width, height = _validated_dimensions(content, actual)
    from imagescan.domain.content_hash import content_hash  # noqa: PLC0415 - only submit needs it

    image_hash = hashlib.sha256(content).hexdigest()
    return ValidatedImage(content, actual, width, height, image_hash, content_hash([content]))


def header_failure(start: bytes) -> Failure | None:
    """Return the reason why an image with these first bytes cannot be scanned, or None if its header shows none.

    A header that does not begin and end within ``HEADER_BYTES`` is a reason too.
    """
    header = start[:HEADER_BYTES]
    image_type = sniff(header)
    if image_type is None or dimensions(header, image_type) is None:
        return IMAGE_INVALID
    try:
        _validated_dimensions(header, image_type)
    except BadInput as error:
        return Failure(error.code, error.message)
    return None


def object_key(content_hash: str, image_type: ImageType) -> str:
    """Return the object key for posted bytes with this hash."""
    return f"{KEY_PREFIX}{content_hash}.{EXTENSIONS[image_type]}"


def upload_key(request_id: str, content_hash: str, image_type: ImageType) -> str:
    """Return the object key for the direct upload of a request."""
    return f"{UPLOAD_PREFIX}{request_id}/{content_hash}.{EXTENSIONS[image_type]}"


def hash_from_key(key: str) -> str | None:
    """Return the hash in an object key, or None if the key does not belong to an image."""
    found = _KEY.fullmatch(key)
    return found["hash"] if found else None


def request_id_from_key(key: str) -> str | None:
    """Return the ID of the request that owns the object, or None for posted bytes, which requests share."""
    found = _KEY.fullmatch(key)
    return found["request_id"] if found else None


def _validated_type(content: bytes, declared: ImageType) -> ImageType:
    actual = sniff(content)
    if actual is None:
        raise UnsupportedType(
            "unsupported_type", "The file is neither a JPEG nor a PNG image. Convert it to one of them."
        )
    if actual is not declared:
        raise UnsupportedType(
            "type_mismatch", f"The file is {actual} but was sent as {declared}. Set 'fileType' to '{actual}'."
        )
    return actual


def _validated_dimensions(content: bytes, image_type: ImageType) -> tuple[int, int]:
    found = dimensions(content, image_type)
    if found is None:
        raise BadInput(
            "damaged_image", "The image header is corrupt or truncated. Save the image again and retry with that file."
        )
    if min(found) < MIN_SIDE:
        raise BadInput("image_too_small", f"The image is {_format_size(found)}. {_SIDES} Send a larger image.")
    if max(found) > MAX_SIDE:
        raise BadInput("image_dimensions_too_large", f"The image is {_format_size(found)}. {_SIDES} Scale it down.")
    return found


_SIDES = f"Each side must be between {MIN_SIDE} and {MAX_SIDE:,} pixels."


def _format_size(sides: tuple[int, int]) -> str:
    return f"{sides[0]:,} by {sides[1]:,} pixels"
