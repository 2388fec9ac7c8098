"""Computes the canonical form of a PNG file.

Source: the PNG specification (W3C, third edition).
"""

import zlib
from hashlib import sha256

from imagescan.domain.byte_reader import ByteReader, NoCanonicalFormError

SIGNATURE = b"\x89PNG\r\n\x1a\n"

MAX_CHUNKS = 20_000
"""Chunks to read. Files have at most thousands. The limit bounds the time that a crafted file costs."""
MAX_SCANLINE_BYTES = 64 * 1024 * 1024
MAX_PROFILE_BYTES = 4 * 1024 * 1024

_PREFIX = b"imagescan-content-1\npng\n"
_MAX_KEPT_BYTES = 1024  # a palette has 768 bytes, and any other chunk less
_INPUT_BYTES = 64 * 1024
_OUTPUT_BYTES = 256 * 1024

_BEFORE_PALETTE = (b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP")
_AFTER_PALETTE = (b"tRNS", b"bKGD")
_KEPT = (b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"bKGD")
_AMBIGUOUS = frozenset((b"mDCV", b"mDCv", b"cLLI", b"cLLi"))  # change how high dynamic range is shown

_GREY, _TRUECOLOUR, _PALETTE, _GREY_ALPHA, _TRUECOLOUR_ALPHA = 0, 2, 3, 4, 6
_DEPTHS = {_GREY: (1, 2, 4, 8, 16), _PALETTE: (1, 2, 4, 8)}
_CHANNELS = {_GREY: 1, _TRUECOLOUR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _TRUECOLOUR_ALPHA: 4}
_WHOLE_IMAGE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of each pass: the first column and row, and the distance of columns and of rows."""


def canonical_hash(reader: ByteReader, start: bytes) -> str:
    """Return the SHA-256 of the canonical form. ``start`` has been read. May raise NoCanonicalFormError."""
    if start + reader.read(len(SIGNATURE) - len(start)) != SIGNATURE:
        raise NoCanonicalFormError
    return _PngContent(reader).read()


class _PngContent:
    def __init__(self, reader: ByteReader) -> None:
        self._reader = reader
        self._canonical = sha256(_PREFIX)
        self._kept: dict[bytes, bytes] = {}
        self._colour_type = 0
        self._scanlines: _Inflated | None = None
        self._previous = b""

    def read(self) -> str:
        self._read_header()
        for _ in range(MAX_CHUNKS):
            size, name = self._read_start()
            self._read_chunk(size, name)
            if name == b"IEND":
                return self._finish()
            self._previous = name
        raise NoCanonicalFormError

    def _read_start(self) -> tuple[int, bytes]:
        start = self._reader.read(8)
        size, name = int.from_bytes(start[:4]), start[4:]
        if size > 0x7FFFFFFF or not (name.isalpha() and name.isascii()):
            raise NoCanonicalFormError
        return size, name

    def _read_chunk(self, size: int, name: bytes) -> None:
        if name == b"IDAT":
            self._read_scanlines(size)
        elif name in _KEPT:
            self._keep(size, name)
        elif name == b"IEND" and size == 0:
            self._read_data(size, name)
        elif name[:1].isupper() or name in _AMBIGUOUS:
            raise NoCanonicalFormError
        else:
            self._skip(size, name)

    def _read_header(self) -> None:
        if self._read_start() != (13, b"IHDR"):
            raise NoCanonicalFormError
        header = self._read_data(13, b"IHDR")
        width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
        depth, colour_type, compression, filtering, interlacing = header[8:]
        if depth not in _DEPTHS.get(colour_type, (8, 16)) or colour_type not in _CHANNELS:
            raise NoCanonicalFormError
        if compression or filtering or interlacing > 1 or not (0 < width <= 0x7FFFFFFF and 0 < height <= 0x7FFFFFFF):
            raise NoCanonicalFormError
        self._colour_type = colour_type
        self._expected = _scanline_bytes(
            width, height, depth * _CHANNELS[colour_type], _ADAM7 if interlacing else _WHOLE_IMAGE
        )
        if self._expected > MAX_SCANLINE_BYTES:
            raise NoCanonicalFormError
        self._canonical.update(header)

    def _read_data(self, size: int, name: bytes) -> bytes:
        data = self._reader.read(size)
        self._check(zlib.crc32(data, zlib.crc32(name)))
        return data

    def _check(self, checksum: int) -> None:
        if int.from_bytes(self._reader.read(4)) != checksum:
            raise NoCanonicalFormError

    def _skip(self, size: int, name: bytes) -> None:
        checksum = zlib.crc32(name)
        for piece in self._reader.pieces(size, _INPUT_BYTES):
            checksum = zlib.crc32(piece, checksum)
        self._check(checksum)

    def _keep(self, size: int, name: bytes) -> None:
        if self._scanlines or name in self._kept:
            raise NoCanonicalFormError
        if name in _BEFORE_PALETTE and b"PLTE" in self._kept:
            raise NoCanonicalFormError
        if name == b"PLTE" and any(each in self._kept for each in _AFTER_PALETTE):
            raise NoCanonicalFormError
        if name == b"iCCP":
            self._kept[name] = self._read_profile(size)
            return
        if size > _MAX_KEPT_BYTES:
            raise NoCanonicalFormError
        self._kept[name] = self._read_data(size, name)

    def _read_profile(self, size: int) -> bytes:
        """Return the length and the SHA-256 of the inflated profile. Its name is omitted."""
        start = self._reader.read(min(size, 81))  # a name of at most 79 bytes, its end and the compression method
        name_bytes = start.find(b"\x00")
        if not 1 <= name_bytes <= 79 or start[name_bytes + 1 : name_bytes + 2] != b"\x00":
            raise NoCanonicalFormError
        checksum = zlib.crc32(start, zlib.crc32(b"iCCP"))
        profile_hash = sha256()
        profile = _Inflated(profile_hash, MAX_PROFILE_BYTES)
        profile.add(start[name_bytes + 2 :])
        for piece in self._reader.pieces(size - len(start), _INPUT_BYTES):
            checksum = zlib.crc32(piece, checksum)
            profile.add(piece)
        self._check(checksum)
        profile.finish()
        return profile.size.to_bytes(4) + profile_hash.digest()

    def _read_scanlines(self, size: int) -> None:
        if self._scanlines is None:
            self._scanlines = self._start_scanlines()
        elif self._previous != b"IDAT":
            raise NoCanonicalFormError
        checksum = zlib.crc32(b"IDAT")
        for piece in self._reader.pieces(size, _INPUT_BYTES):
            checksum = zlib.crc32(piece, checksum)
            self._scanlines.add(piece)
        self._check(checksum)

    def _start_scanlines(self) -> "_Inflated":
        """Complete the part of the canonical form that is before the scanlines."""
        palette = self._kept.get(b"PLTE")
        if palette is None and self._colour_type == _PALETTE:
            raise NoCanonicalFormError
        if palette is not None and (
            self._colour_type in (_GREY, _GREY_ALPHA) or not palette or len(palette) > 768 or len(palette) % 3
        ):
            raise NoCanonicalFormError
        if b"sRGB" in self._kept and b"iCCP" in self._kept:  # decoders use one or the other
            raise NoCanonicalFormError
        for name in _KEPT:
            if name in self._kept:
                self._canonical.update(name + len(self._kept[name]).to_bytes(4) + self._kept[name])
        self._canonical.update(b"IDAT")
        return _Inflated(self._canonical, self._expected)

    def _finish(self) -> str:
        if self._scanlines is None:
            raise NoCanonicalFormError
        self._scanlines.finish()
        if self._scanlines.size != self._expected:
            raise NoCanonicalFormError
        return self._canonical.hexdigest()


class _Inflated:
    """A zlib stream that is inflated in pieces and added to a hash."""

    def __init__(self, target, limit: int) -> None:
        self.size = 0
        self._target = target
        self._limit = limit
        self._inflater = zlib.decompressobj()

    def add(self, data: bytes | memoryview) -> None:
        try:
            while piece := self._inflater.decompress(data, min(_OUTPUT_BYTES, self._limit - self.size + 1)):
                self.size += len(piece)
                if self.size > self._limit:
                    raise NoCanonicalFormError
                self._target.update(piece)
                data = self._inflater.unconsumed_tail
        except zlib.error:
            raise NoCanonicalFormError from None
        if self._inflater.unused_data:
            raise NoCanonicalFormError

    def finish(self) -> None:
        if not self._inflater.eof:
            raise NoCanonicalFormError


def _scanline_bytes(width: int, height: int, bits_per_pixel: int, passes: tuple[tuple[int, int, int, int], ...]) -> int:
    """Return the size of the scanlines, each with its filter type."""
    total = 0
    for first_column, first_row, columns_apart, rows_apart in passes:
        columns = (width - first_column + columns_apart - 1) // columns_apart
        rows = (height - first_row + rows_apart - 1) // rows_apart
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits_per_pixel + 7) // 8)
    return total
