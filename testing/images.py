"""Images for tests, built byte by byte, so that an image of any declared size is cheap."""

import struct
import zlib


def png(width: int = 100, height: int = 100, *, shade: int = 0, pixels: bool = False) -> bytes:
    """Return a PNG whose header declares these dimensions in pixels. Each ``shade`` makes different bytes.

    The image can be decoded, and has a content, only with ``pixels``. They are black but for the first 16, which differ
    with the shade.
    """
    scanlines = (b"\0" + shade.to_bytes(16)).ljust((width + 1) * height, b"\0")
    data = _chunk(b"IDAT", zlib.compress(scanlines)) if pixels else b""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"tEXt", f"Comment\0{shade}".encode()) + data + _chunk(b"IEND", b"")


def jpeg(width: int = 100, height: int = 100, *, segments: bytes = b"", frame: int = 0xC0) -> bytes:
    """Return a JPEG whose frame header declares these dimensions in pixels. ``segments`` precede that header."""
    header = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + segments + segment(frame, header) + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\xff\xd9"


def segment(marker: int, payload: bytes) -> bytes:
    """Return one JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
