"""Detects the type and the dimensions of an image from its first bytes. No pixel is decoded.

Sources: ITU-T T.81 annex B (JPEG markers); ``next_marker`` in libjpeg's jdmarker.c (what decoders skip); the PNG
specification (W3C, third edition), section 5.
"""

from enum import StrEnum

HEADER_BYTES = 1024 * 1024
"""Bytes to read for a header: cameras store previews and colour profiles before the frame header."""

MAX_MARKERS = 10_000
"""Markers to read before the frame header. Files have dozens. The limit bounds the time that a crafted file costs."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES = 33  # the signature and the complete IHDR chunk
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_FILL = b"\xff"
_FILL_BLOCK = _FILL * 256  # compared at once, so that a run of fill bytes takes few steps
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))  # 0x00: an escaped fill byte, which is no marker
_FRAME_HEADER_BYTES = 7  # up to and including the width
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
    """Walk the segments up to the frame header, in linear time and at most ``MAX_MARKERS`` steps.

    Like decoders, skip stray bytes between segments. Thumbnails inside an EXIF segment are skipped with their segment.
    """
    at = 2
    for _ in range(MAX_MARKERS):
        code_at = _find_marker(content, at)
        if code_at is None or content[code_at] in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        if content[code_at] in _START_OF_FRAME:
            return _frame_dimensions(content[code_at + 1 : code_at + 1 + _FRAME_HEADER_BYTES])
        at = code_at + 1
        if content[code_at] not in _WITHOUT_LENGTH:
            at += max(2, int.from_bytes(content[at : at + 2]))
    return None


def _find_marker(content: bytes, at: int) -> int | None:
    """Return the position of the next marker code: the byte after any stray bytes and one or more fill bytes."""
    fill_at = content.find(_FILL, at)
    if fill_at < 0:
        return None
    code_at = fill_at + 1
    while content.startswith(_FILL_BLOCK, code_at):
        code_at += len(_FILL_BLOCK)
    bytes_ahead = content[code_at : code_at + len(_FILL_BLOCK)]
    rest = bytes_ahead.lstrip(_FILL)
    return code_at + len(bytes_ahead) - len(rest) if rest else None


def _frame_dimensions(header: bytes) -> tuple[int, int] | None:
    """Read a frame header from after its marker: length, sample precision, height and width."""
    if len(header) < _FRAME_HEADER_BYTES:
        return None
    return _nonzero(int.from_bytes(header[5:7]), int.from_bytes(header[3:5]))


def _nonzero(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width and height else None


_READERS = {ImageType.JPEG: _jpeg_dimensions, ImageType.PNG: _png_dimensions}
