"""Removal of metadata from JPEG and PNG files, without decoding a pixel. Pure.

What remains is what decoders need for the pixels: tables, scans, colour profile, transparency and orientation. The web
page removes the same parts and gets the same bytes (``frontend/src/image/metadata.ts``).
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import dropwhile
from typing import Literal, NamedTuple

type _ByteOrder = Literal["little", "big"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # those that common decoders support
_IMAGE = _FRAMES | {_START_OF_SCAN, 0xC4, 0xCC, 0xDB, 0xDD}  # the others are DHT, DAC, DQT and DRI
_APP1 = 0xE1
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APP0 to APP15, and COM
_MARKERS = _IMAGE | _METADATA | {_END_OF_IMAGE}
_FILL, _LENGTH_BYTES = 0xFF, 2
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # neither an escaped byte nor RST0 to RST7

_JFIF_WITHOUT_THUMBNAIL = 12  # width and height of the thumbnail follow, one byte each
_ICC_HEADER, _EXIF_HEADER = b"ICC_PROFILE\0", b"Exif\0\0"
_TIFF_HEADER_BYTES, _TIFF_ENTRY_BYTES, _TIFF_POINTER_BYTES = 8, 12, 4
_BYTE_ORDERS: dict[bytes, _ByteOrder] = {b"II*\0": "little", b"MM\0*": "big"}
_TIFF_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_ORIENTATION, _SHORT, _UPRIGHT, _ORIENTATIONS = 0x0112, 3, 1, range(1, 9)
# The number is missing if an orientation is stated in an unusual way.
_XMP_ORIENTATION = re.compile(rb"""(?<!</)tiff:Orientation(?:[ \t\r\n]*(?:=[ \t\r\n]*["']|>)[ \t\r\n]*([0-9]+))?""")

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES = 13
_CHUNK_BYTES = 12  # of a chunk without data: length, type and checksum
_COLOUR_CHUNKS = frozenset({b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"bKGD"})
# These change how an image of high dynamic range is shown. Drafts of the specification have the other spelling.
_RANGE_CHUNKS = frozenset({b"mDCV", b"mDCv", b"cLLI", b"cLLi"})
_SINGLE_CHUNKS = _COLOUR_CHUNKS | _RANGE_CHUNKS | {b"IHDR"}
_KEPT_CHUNKS = _SINGLE_CHUNKS | {b"IDAT", b"IEND"}


class MetadataError(Exception):
    """The structure of a file is invalid or ambiguous, so it is uncertain what is metadata. The text says why."""


def remove_metadata(content: bytes) -> bytes:
    """Return a JPEG or PNG file without metadata. Its pixels, upright for JPEG, and its content hash stay the same.

    A second removal changes nothing. Raise MetadataError if the file is invalid or ambiguous.
    """
    if content.startswith(_SOI):
        return b"".join(_clean_jpeg(content))
    if content.startswith(_PNG_SIGNATURE):
        return b"".join(_clean_png(content))
    raise MetadataError("the file is not a JPEG or PNG image")


class _Kind(Enum):
    """Metadata of a JPEG file that decoders use. The values are its marker, a pattern, and its valid form."""

    JFIF = (0xE0, re.compile(rb"JFIF"), re.compile(rb"JFIF\0.{9}", re.DOTALL))
    EXIF = (0xE1, re.compile(rb".{0,6}exif", re.DOTALL | re.IGNORECASE), re.compile(_EXIF_HEADER))
    ICC = (0xE2, re.compile(rb"ICC_PROFILE"), re.compile(rb"ICC_PROFILE\0.{2}", re.DOTALL))
    ADOBE = (0xEE, re.compile(rb"Adobe"), re.compile(rb"Adobe.{7}\Z", re.DOTALL))


_UNSUPPORTED_FORMATS = {
    "SPIFF": (0xE8, re.compile(rb"SPIFF")),
    "AVI1": (0xE0, re.compile(rb"AVI1")),  # a field of interlaced video
    "JPEG XT": (0xEB, re.compile(rb"(?!.{12}jumb)", re.DOTALL)),  # signatures of the origin have the same marker
}


class _Entry(NamedTuple):
    """An entry of an EXIF directory: the number of its values, and four bytes with the values or their position."""

    tag: int
    kind: int
    values: int
    data: bytes


class _Segment(NamedTuple):
    """A segment of a JPEG file: its payload, and all of its bytes with the scan data that follows."""

    marker: int
    payload: bytes
    content: bytes

    def is_a(self, kind: _Kind) -> bool:
        """Return whether the segment has a kind. Its data may be invalid."""
        marker, pattern, _ = kind.value
        return self.marker == marker and pattern.match(self.payload) is not None


def _clean_jpeg(content: bytes) -> Iterator[bytes]:
    segments = [*_segments(content)]
    _require_image(segments)
    _require_icc_profile(segments)
    orientation = _orientation(segments)
    yield _SOI
    for each in segments:
        if each.marker in _IMAGE or each.is_a(_Kind.ICC) or each.is_a(_Kind.ADOBE):
            yield each.content
        elif each.is_a(_Kind.JFIF):
            yield _segment(each.marker, each.payload[:_JFIF_WITHOUT_THUMBNAIL] + b"\0\0")
        elif each.is_a(_Kind.EXIF) and orientation != _UPRIGHT:
            yield _segment(each.marker, _exif(orientation))
    yield _EOI


def _segments(content: bytes) -> Iterator[_Segment]:
    """Yield the segments up to the end of the image."""
    at = len(_SOI)
    while (marker := _marker(content, at)) != _END_OF_IMAGE:
        length = int.from_bytes(content[at + 2 : at + 4])
        end = at + 2 + length
        if end > len(content) or at + 4 > len(content):
            raise MetadataError("the file is truncated")
        if length < _LENGTH_BYTES:
            raise MetadataError("a segment has an invalid length")
        next_at = _end_of_scan(content, end) if marker == _START_OF_SCAN else end
        yield _Segment(marker, content[at + 4 : end], content[at:next_at])
        at = next_at


def _marker(content: bytes, at: int) -> int:
    if at + 2 > len(content):
        raise MetadataError("the file is truncated")
    prefix, marker = content[at : at + 2]
    if prefix != _FILL or marker == _FILL:
        raise MetadataError("the file contains stray bytes between segments")
    if marker not in _MARKERS:
        raise MetadataError(f"the file contains an unsupported segment (FF{marker:02X})")
    return marker


def _end_of_scan(content: bytes, start: int) -> int:
    found = _MARKER_IN_SCAN.search(content, start)
    if not found:
        raise MetadataError("the file is truncated")
    return found.start()


def _require_image(segments: Sequence[_Segment]) -> None:
    """Require one frame, scans after it, and before them valid metadata."""
    scans = [*dropwhile(lambda each: each.marker != _START_OF_SCAN, segments)]
    frames = [each for each in segments if each.marker in _FRAMES]
    if not scans or len(frames) != 1 or frames[0] in scans:
        raise MetadataError("the file does not consist of one frame and its scans")
    for name, (marker, pattern) in _UNSUPPORTED_FORMATS.items():
        if any(each.marker == marker and pattern.match(each.payload) for each in segments):
            raise MetadataError(f"the file has the unsupported format {name}")
    for kind in _Kind:
        payloads = _payloads(segments, kind)
        if _payloads(scans, kind):
            raise MetadataError(f"the file contains {kind.name} data after the first scan")
        if kind is not _Kind.ICC and len(payloads) > 1:
            raise MetadataError(f"the file contains {kind.name} data twice")
        if not all(kind.value[2].match(payload) for payload in payloads):
            raise MetadataError(f"the {kind.name} data is invalid")


def _require_icc_profile(segments: Sequence[_Segment]) -> None:
    """Require all parts of the colour profile, in order."""
    payloads = _payloads(segments, _Kind.ICC)
    for index, payload in enumerate(payloads):
        number, count = payload[len(_ICC_HEADER) :][:2]
        if number != index + 1 or count != len(payloads):
            raise MetadataError("the ICC data is incomplete or not in order")


def _orientation(segments: Sequence[_Segment]) -> int:
    """Return the orientation, or 1 if it is unknown. Some decoders read it from XMP data, which must agree."""
    exif = _payloads(segments, _Kind.EXIF)
    orientation = _exif_orientation(exif[0][len(_EXIF_HEADER) :]) if exif else _UPRIGHT
    xmp = b"".join(each.payload for each in segments if each.marker == _APP1 and not each.is_a(_Kind.EXIF))
    # UTF-16 has NUL bytes.
    if any(each != str(orientation).encode() for each in _XMP_ORIENTATION.findall(xmp.replace(b"\0", b""))):
        raise MetadataError("the EXIF and XMP data state different orientations")
    return orientation


def _exif_orientation(tiff: bytes) -> int:
    """Return the orientation. Some decoders read that of the thumbnail if the first directory states none."""
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        raise MetadataError("the EXIF data is invalid")
    orientation, thumbnail_at = _read_directory(tiff, int.from_bytes(tiff[4:8], order), order)
    if orientation is None and thumbnail_at:
        of_thumbnail, _ = _read_directory(tiff, thumbnail_at, order)
        if of_thumbnail not in {None, _UPRIGHT}:
            raise MetadataError("the EXIF data states the orientation of the thumbnail only")
    return orientation if orientation is not None and orientation in _ORIENTATIONS else _UPRIGHT


def _read_directory(tiff: bytes, at: int, order: _ByteOrder) -> tuple[int | None, int]:
    """Return the orientation in an EXIF directory, if any, and the position of the next directory, or 0."""
    entries_at = at + 2
    end = entries_at + _TIFF_ENTRY_BYTES * int.from_bytes(tiff[at:entries_at], order)
    if at < _TIFF_HEADER_BYTES or len(tiff) < end + _TIFF_POINTER_BYTES:
        raise MetadataError("the EXIF data is invalid")
    entries = [
        _read_entry(tiff, tiff[start : start + _TIFF_ENTRY_BYTES], order)
        for start in range(entries_at, end, _TIFF_ENTRY_BYTES)
    ]
    found = [each for each in entries if each.tag == _ORIENTATION]
    if len(found) > 1 or any((each.kind, each.values) != (_SHORT, 1) for each in found):
        raise MetadataError("the EXIF data is invalid")
    next_at = int.from_bytes(tiff[end : end + _TIFF_POINTER_BYTES], order)
    return (int.from_bytes(found[0].data[:2], order) if found else None), next_at


def _read_entry(tiff: bytes, entry: bytes, order: _ByteOrder) -> _Entry:
    """Return an entry. Reject an unknown type and a value outside the data, at which some decoders stop reading."""
    tag, kind, count = (int.from_bytes(part, order) for part in (entry[:2], entry[2:4], entry[4:8]))
    is_known = kind in _TIFF_TYPE_BYTES
    size = _TIFF_TYPE_BYTES.get(kind, 0) * count
    is_outside = size > _TIFF_POINTER_BYTES and int.from_bytes(entry[8:], order) + size > len(tiff)
    if is_outside or not is_known:
        raise MetadataError("the EXIF data is invalid")
    return _Entry(tag, kind, count, entry[8:])


def _exif(orientation: int) -> bytes:
    """Return EXIF data with nothing but an orientation."""
    header = _EXIF_HEADER + b"MM\0*" + struct.pack(">I", 8)
    return header + struct.pack(">HHHIHHI", 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)


def _payloads(segments: Sequence[_Segment], kind: _Kind) -> list[bytes]:
    return [each.payload for each in segments if each.is_a(kind)]


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _clean_png(content: bytes) -> Iterator[bytes]:
    chunks = [*_chunks(content)]
    _require_chunks(chunks)
    yield _PNG_SIGNATURE
    yield from (chunk for kind, chunk in chunks if kind in _KEPT_CHUNKS)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and all bytes of each chunk up to the end of the image."""
    at, kind = len(_PNG_SIGNATURE), b""
    while kind != b"IEND":
        end = at + _CHUNK_BYTES + int.from_bytes(content[at : at + 4])
        if end > len(content):
            raise MetadataError("the file is truncated")
        kind, chunk = content[at + 4 : at + 8], content[at:end]
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            raise MetadataError("a chunk has a wrong checksum")
        yield kind, chunk
        at = end


def _require_chunks(chunks: Sequence[tuple[bytes, bytes]]) -> None:
    """Require a header, consecutive image data, an end, and the other chunks that decoders use at most once."""
    kinds = [kind for kind, _ in chunks]
    unknown = [kind for kind in kinds if kind not in _KEPT_CHUNKS and not _is_ancillary(kind)]
    if unknown:
        raise MetadataError("the file contains an unknown critical chunk")
    if kinds[0] != b"IHDR" or len(chunks[0][1]) != _CHUNK_BYTES + _PNG_HEADER_BYTES:
        raise MetadataError("the file does not begin with a valid header")
    if len(chunks[-1][1]) != _CHUNK_BYTES:
        raise MetadataError("the last chunk contains data")
    first = kinds.index(b"IDAT") if b"IDAT" in kinds else len(kinds)
    images = kinds.count(b"IDAT")
    if not images or kinds[first : first + images] != [b"IDAT"] * images:
        raise MetadataError("the image data is missing or interrupted")
    single = [kind for kind in kinds if kind in _SINGLE_CHUNKS]
    if len(single) > len(set(single)) or any(kind in _SINGLE_CHUNKS for kind in kinds[first:]):
        raise MetadataError("the file contains a chunk twice or after the image data")


def _is_ancillary(kind: bytes) -> bool:
    return kind.isalpha() and kind[:1].islower()
