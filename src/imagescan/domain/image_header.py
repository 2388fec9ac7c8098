"""Detects the type and the dimensions of an image from its first bytes. No pixel is decoded.

Sources: ITU-T T.81 annex B (JPEG markers); the PNG specification (W3C, third edition), section 5.
"""

from enum import StrEnum

HEADER_BYTES = 1024 * 1024
"""Bytes to read for a header: cameras store previews and colour profiles before the frame header."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES = 33  # the signature and the complete IHDR chunk
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_FILL = 0xFF
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


class ImageType(StrEnum):
    """The image types that Rekognition accepts, by media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"


def sniff(content: bytes) -> ImageType | None:
    """Return the type that the first bytes indicate, or None if it is neither JPEG nor PNG."""
    if content.startswith(_PNG_SIGNATURE):
        return ImageType.PNG
    return ImageType.JPEG if content.startswith(_JPEG_SIGNATURE) else None


def dimensions(content: bytes, image_type: ImageType) -> tuple[int, int] | None:
    """Return width and height in pixels as the header states them, or None if it is corrupt or truncated."""
    return _READERS[image_type](content)


def _png_dimensions(content: bytes) -> tuple[int, int] | None:
    if len(content) < _PNG_HEADER_BYTES or content[8:16] != b"\x00\x00\x00\rIHDR":
        return None
    return _nonzero(int.from_bytes(content[16:20]), int.from_bytes(content[20:24]))


def _jpeg_dimensions(content: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header. Thumbnails inside an EXIF segment are skipped with their segment."""
    at = 2
    while at + 4 <= len(content):
        if content[at] != _FILL:
            return None
        marker = content[at + 1]
        if marker == _FILL:  # any number of fill bytes may precede a marker
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
    return _nonzero(int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7]))


def _nonzero(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width and height else None


_READERS = {ImageType.JPEG: _jpeg_dimensions, ImageType.PNG: _png_dimensions}
