"""Computes the canonical form of a PNG file.

Sources: the PNG specification (W3C, third edition); libpng's pngrutil.c (what decoders ignore).
"""

import zlib
from collections.abc import Callable
from hashlib import sha256

from imagescan.domain.byte_reader import ByteReader, NoCanonicalFormError

MAX_CHUNKS = 20_000
"""Chunks to read. Files have at most thousands. The limit bounds the time that a crafted file costs."""
MAX_SCANLINE_BYTES = 64 * 1024 * 1024
MAX_PROFILE_BYTES = 4 * 1024 * 1024

_PREFIX = b"imagescan-content-1\npng\n"
_INPUT_BYTES = 64 * 1024
_OUTPUT_BYTES = 256 * 1024

_BEFORE_PALETTE = frozenset((b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP"))  # else decoders ignore them
_AFTER_PALETTE = frozenset((b"tRNS", b"bKGD"))
_KEPT = (b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"bKGD")
"""The chunks before the scanlines, in the order of the canonical form."""
_AMBIGUOUS = frozenset((b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"iDOT"))
"""Ancillary chunks that some decoders use: high dynamic range, and where Apple's decoder divides the scanlines."""
_TEXT = frozenset((b"tEXt", b"zTXt", b"iTXt"))
_TEXT_PROFILES = (b"raw profile type ic", b"raw profile type 8bim")  # ImageMagick uses them as ICC profiles
_KEYWORD_BYTES = 79
_MAX_KEPT_BYTES = 256 * 3  # a palette, the largest
_MAX_CHUNK_BYTES = 0x7FFFFFFF
_MAX_WINDOW_BYTES = 32 * 1024

_HEADER = (13, b"IHDR")
_GREY, _TRUECOLOUR, _PALETTE, _GREY_ALPHA, _TRUECOLOUR_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _TRUECOLOUR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _TRUECOLOUR_ALPHA: 4}
_DEPTHS = {_GREY: (1, 2, 4, 8, 16), _PALETTE: (1, 2, 4, 8)}
_OTHER_DEPTHS = (8, 16)
type _Pass = tuple[int, int, int, int]
"""The first column and row of a pass, and the distances between its columns and rows."""
_WHOLE_IMAGE: tuple[_Pass, ...] = ((0, 0, 1, 1),)
_ADAM7: tuple[_Pass, ...] = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_PASSES = {0: _WHOLE_IMAGE, 1: _ADAM7}


class PngContent:
    """The state of a PNG file that is read from after its signature."""

    def __init__(self, reader: ByteReader) -> None:
        """Start after the signature."""
        self._reader = reader
        self._canonical = sha256(_PREFIX)
        self._kept: dict[bytes, bytes] = {}
        self._colour_type = 0
        self._scanlines: _Inflated | None = None
        self._scanline_bytes = 0

    def hash(self) -> str:
        """Return the SHA-256 of the canonical form. Raise NoCanonicalFormError if the file has none."""
        self._read_header()
        previous = b""
        for _ in range(MAX_CHUNKS):
            size, name = self._read_size_and_name()
            if name == b"IDAT":
                self._read_scanlines(size, previous)
            elif name == b"IEND":
                return self._finish(size)
            elif name in _KEPT:
                self._keep(size, name)
            else:
                self._omit(size, name)
            previous = name
        raise NoCanonicalFormError

    def _read_size_and_name(self) -> tuple[int, bytes]:
        start = self._reader.read(8)
        size, name = int.from_bytes(start[:4]), start[4:]
        if size > _MAX_CHUNK_BYTES or not name.isalpha():
            raise NoCanonicalFormError
        return size, name

    def _read_header(self) -> None:
        if self._read_size_and_name() != _HEADER:
            raise NoCanonicalFormError
        header = self._read_data(*_HEADER)
        width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
        depth, colour_type, compression, filtering, interlacing = header[8:]
        if not (width and height) or compression or filtering:
            raise NoCanonicalFormError
        if colour_type not in _CHANNELS or depth not in _DEPTHS.get(colour_type, _OTHER_DEPTHS):
            raise NoCanonicalFormError
        if interlacing not in _PASSES:
            raise NoCanonicalFormError
        self._colour_type = colour_type
        self._scanline_bytes = _scanline_bytes(width, height, depth * _CHANNELS[colour_type], _PASSES[interlacing])
        if self._scanline_bytes > MAX_SCANLINE_BYTES:
            raise NoCanonicalFormError
        self._canonical.update(header)

    def _read_data(self, size: int, name: bytes) -> bytes:
        data = self._reader.read(size)
        self._require_checksum(zlib.crc32(data, zlib.crc32(name)))
        return data

    def _require_checksum(self, checksum: int) -> None:
        if int.from_bytes(self._reader.read(4)) != checksum:
            raise NoCanonicalFormError

    def _read_pieces(self, size: int, checksum: int, use: Callable[[memoryview], object]) -> None:
        """Pass the rest of a chunk on in pieces. ``checksum`` is that of its bytes up to here."""
        for piece in self._reader.pieces(size, _INPUT_BYTES):
            checksum = zlib.crc32(piece, checksum)
            use(piece)
        self._require_checksum(checksum)

    def _omit(self, size: int, name: bytes) -> None:
        if name[:1].isupper() or name in _AMBIGUOUS:  # upper case: a critical chunk
            raise NoCanonicalFormError
        start = self._reader.read(min(size, _KEYWORD_BYTES))
        if name in _TEXT and start.lower().startswith(_TEXT_PROFILES):
            raise NoCanonicalFormError
        self._read_pieces(size - len(start), zlib.crc32(start, zlib.crc32(name)), len)

    def _keep(self, size: int, name: bytes) -> None:
        if self._scanlines or name in self._kept:
            raise NoCanonicalFormError
        if name in _BEFORE_PALETTE and b"PLTE" in self._kept:
            raise NoCanonicalFormError
        if name == b"PLTE" and not _AFTER_PALETTE.isdisjoint(self._kept):
            raise NoCanonicalFormError
        if name == b"iCCP":
            self._kept[name] = self._read_profile(size)
        elif size > _MAX_KEPT_BYTES:
            raise NoCanonicalFormError
        else:
            self._kept[name] = self._read_data(size, name)

    def _read_profile(self, size: int) -> bytes:
        """Return the SHA-256 of the inflated profile. Its name is omitted."""
        start = self._reader.read(min(size, _KEYWORD_BYTES + 2))
        name, _, rest = start.partition(b"\x00")
        if not 1 <= len(name) <= _KEYWORD_BYTES or rest[:1] != b"\x00":  # the compression method
            raise NoCanonicalFormError
        sha = sha256()
        profile = _Inflated(sha.update, MAX_PROFILE_BYTES)
        profile.add(rest[1:])
        self._read_pieces(size - len(start), zlib.crc32(start, zlib.crc32(b"iCCP")), profile.add)
        profile.finish()
        return sha.digest()

    def _read_scanlines(self, size: int, previous: bytes) -> None:
        if self._scanlines is None:
            self._finish_kept()
            self._scanlines = _Inflated(self._canonical.update, self._scanline_bytes)
        elif previous != b"IDAT":
            raise NoCanonicalFormError
        self._read_pieces(size, zlib.crc32(b"IDAT"), self._scanlines.add)

    def _finish_kept(self) -> None:
        palette_bytes = len(self._kept.get(b"PLTE", b""))
        if palette_bytes % 3 or (self._colour_type == _PALETTE and not palette_bytes):
            raise NoCanonicalFormError
        if b"PLTE" in self._kept and (self._colour_type in (_GREY, _GREY_ALPHA) or not palette_bytes):
            raise NoCanonicalFormError
        if b"sRGB" in self._kept and b"iCCP" in self._kept:  # decoders use the first or the last
            raise NoCanonicalFormError
        for name in _KEPT:
            if name in self._kept:
                data = self._kept[name]
                self._canonical.update(name + len(data).to_bytes(4) + data)
        self._canonical.update(b"IDAT")

    def _finish(self, size: int) -> str:
        self._read_data(size, b"IEND")
        if size or self._scanlines is None or self._scanlines.finish() != self._scanline_bytes:
            raise NoCanonicalFormError
        return self._canonical.hexdigest()


class _Inflated:
    """A zlib stream that is inflated in pieces."""

    def __init__(self, use: Callable[[bytes], object], max_bytes: int) -> None:
        self._use = use
        self._max_bytes = max_bytes
        self._size = 0
        self._window_bytes = 0
        self._inflater = zlib.decompressobj()

    def add(self, data: bytes | memoryview) -> None:
        """Inflate the next bytes of the stream, but at most one byte more than it may contain."""
        if not self._window_bytes and data:
            self._window_bytes = 256 << (data[0] >> 4)
        try:
            while piece := self._inflater.decompress(data, min(_OUTPUT_BYTES, self._max_bytes - self._size + 1)):
                self._size += len(piece)
                if self._size > self._max_bytes:
                    raise NoCanonicalFormError
                self._use(piece)
                data = self._inflater.unconsumed_tail
        except zlib.error:
            raise NoCanonicalFormError from None
        if self._inflater.unused_data:
            raise NoCanonicalFormError

    def finish(self) -> int:
        """Return the size of the inflated stream. Raise NoCanonicalFormError if it is incomplete.

        Decoders can reject a stream that states a smaller window than it uses. A window of all its bytes is enough.
        """
        if not self._inflater.eof or self._window_bytes < min(self._size, _MAX_WINDOW_BYTES):
            raise NoCanonicalFormError
        return self._size


def _scanline_bytes(width: int, height: int, pixel_bits: int, passes: tuple[_Pass, ...]) -> int:
    """Return the size of all scanlines, each with the byte of its filter."""
    total = 0
    for first_column, first_row, column_step, row_step in passes:
        columns = (width - first_column + column_step - 1) // column_step
        rows = (height - first_row + row_step - 1) // row_step
        if columns and rows:
            total += rows * (1 + (columns * pixel_bits + 7) // 8)
    return total
