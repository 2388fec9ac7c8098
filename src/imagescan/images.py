"""Which images are taken, how they are named, and what their headers say. Pure: no pixel is ever decoded.

Limits are Amazon Rekognition's own (80 to 10,000 pixels a side, JPEG and PNG) and those of a Lambda request.
Sources: the Rekognition developer guide, "Guidelines and quotas"; ITU-T T.81 annex B (JPEG markers);
the PNG specification (W3C, third edition), section 5.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from imagescan.errors import BadInput, TooLarge, UnsupportedType

MIN_SIDE = 80
MAX_SIDE = 10_000
# base64 makes these 6,000,000 bytes, which leaves room for the event around them: Lambda takes 6,291,456 in all
MAX_POSTED_BYTES = 4_500_000
MAX_STORED_BYTES = 15 * 1024 * 1024
HEADER_BYTES = 1024 * 1024  # camera files carry previews and colour profiles before the frame header

KEY_PREFIX = "images/"

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES = 33  # the signature and the whole IHDR chunk
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_FILL = 0xFF
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


class ImageType(StrEnum):
    """The types that Rekognition reads, by media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"


EXTENSIONS = {ImageType.JPEG: "jpg", ImageType.PNG: "png"}
_KEY = re.compile(rf"{KEY_PREFIX}([0-9a-f]{{64}})\.({'|'.join(EXTENSIONS.values())})")


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """Bytes that were found to be an image the service takes; width and height in pixels."""

    content: bytes
    type: ImageType
    width: int
    height: int
    hash: str

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)

    @property
    def key(self) -> str:
        """The object key that holds it."""
        return key_of(self.hash, self.type)


@dataclass(frozen=True, slots=True)
class AnnouncedImage:
    """An image whose bytes are still to come; ``size`` in bytes. What it is said to be, S3 makes it be."""

    hash: str
    size: int
    type: ImageType

    @property
    def key(self) -> str:
        """The object key that will hold it."""
        return key_of(self.hash, self.type)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object; ``hash`` is the SHA-256 of its bytes, ``request_id`` the request that uploaded it."""

    key: str
    version: str | None
    hash: str
    request_id: str | None


def check(content: bytes, declared: ImageType) -> CheckedImage:
    """The image that ``content`` holds, once it is known to be one that can be scanned.

    Raises BadInput (empty, damaged, or a side outside 80 to 10,000 pixels), TooLarge (over 4,500,000 bytes) or
    UnsupportedType (neither JPEG nor PNG, or not the declared one).
    """
    if not content:
        raise BadInput("empty_file", "The file is empty. Send the bytes of a JPEG or PNG image as base64 in 'file'.")
    if len(content) > MAX_POSTED_BYTES:
        raise TooLarge(
            "file_too_large",
            f"The file has {len(content):,} bytes; {MAX_POSTED_BYTES:,} are the most a request can carry. "
            "Send a smaller or more strongly compressed image.",
        )
    actual = _type_of(content, declared)
    width, height = _checked_dimensions(content, actual)
    content_hash = hashlib.sha256(content).hexdigest()
    return CheckedImage(content, actual, width, height, content_hash)


def unfit(start: bytes) -> BadInput | None:
    """Why an image of this beginning cannot be scanned, as far as its header tells; None when it does not."""
    image_type = sniff(start)
    if image_type is None or dimensions(start, image_type) is None:
        return None
    try:
        _checked_dimensions(start, image_type)
    except BadInput as error:
        return error
    return None


def key_of(content_hash: str, image_type: ImageType) -> str:
    """The object key that holds the bytes of this hash."""
    return f"{KEY_PREFIX}{content_hash}.{EXTENSIONS[image_type]}"


def hash_in_key(key: str) -> str | None:
    """The hash that an object key names, or None when the key is not one of ours."""
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def dimensions(content: bytes, image_type: ImageType) -> tuple[int, int] | None:
    """Width and height in pixels as the header states them, or None when the header is damaged or cut short."""
    return _READERS[image_type](content)


def _type_of(content: bytes, declared: ImageType) -> ImageType:
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


def sniff(content: bytes) -> ImageType | None:
    """The type that the first bytes show, or None when it is neither JPEG nor PNG."""
    if content.startswith(_PNG_SIGNATURE):
        return ImageType.PNG
    return ImageType.JPEG if content.startswith(_JPEG_SIGNATURE) else None


def _checked_dimensions(content: bytes, image_type: ImageType) -> tuple[int, int]:
    found = dimensions(content, image_type)
    if found is None:
        raise BadInput(
            "damaged_image", "The image's header is damaged or cut short. Save the image again and send that."
        )
    if min(found) < MIN_SIDE:
        raise BadInput("image_too_small", f"The image is {_by(found)}; each side must have at least {MIN_SIDE} pixels.")
    if max(found) > MAX_SIDE:
        raise BadInput(
            "image_dimensions_too_large",
            f"The image is {_by(found)}; no side may have more than {MAX_SIDE:,} pixels. Scale it down.",
        )
    return found


def _by(sides: tuple[int, int]) -> str:
    return f"{sides[0]:,} by {sides[1]:,} pixels"


def _png_dimensions(content: bytes) -> tuple[int, int] | None:
    if len(content) < _PNG_HEADER_BYTES or content[8:16] != b"\x00\x00\x00\rIHDR":
        return None
    return _plausible(int.from_bytes(content[16:20]), int.from_bytes(content[20:24]))


def _jpeg_dimensions(content: bytes) -> tuple[int, int] | None:
    """Walks the segments up to the frame header: a thumbnail inside an EXIF segment is stepped over."""
    at = 2
    while at + 4 <= len(content):
        if content[at] != _FILL:
            return None
        marker = content[at + 1]
        if marker == _FILL:  # any number of fill bytes may stand before a marker
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            return _frame_dimensions(content, at)
        elif marker in (0x00, _START_OF_SCAN, _END_OF_IMAGE):
            return None
        else:
            at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4]))
    return None


def _frame_dimensions(content: bytes, at: int) -> tuple[int, int] | None:
    if at + 9 > len(content):
        return None
    return _plausible(int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7]))


def _plausible(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width and height else None


_READERS = {ImageType.JPEG: _jpeg_dimensions, ImageType.PNG: _png_dimensions}
