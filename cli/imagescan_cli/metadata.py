"""Removal of metadata from JPEG and PNG files, without decoding a pixel. Pure.

What remains is what decoders need for the pixels: tables, scans, colour profile, transparency and orientation. The web
page removes the same parts and gets the same bytes (``frontend/src/image/metadata.ts``).
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import takewhile
from typing import NamedTuple

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # those that common decoders support
_IMAGE = _FRAMES | {_START_OF_SCAN, 0xC4, 0xCC, 0xDB, 0xDD}  # the others are DHT, DAC, DQT and DRI
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APP0 to APP15, and COM
_FILL, _LENGTH_BYTES = 0xFF, 2
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)  # neither an escaped byte nor RST0 to RST7

_JFIF_BYTES, _ADOBE_BYTES = 14, 12  # decoders ignore the rest
_JFIF_WITHOUT_THUMBNAIL = 12  # width and height of the thumbnail follow, one byte each
_ICC_HEADER_BYTES = 14
_EXIF_HEADER = b"Exif\0\0"
_ORIENTATION, _SHORT, _UPRIGHT, _ORIENTATIONS = 0x0112, 3, 1, range(1, 9)
_XMP_ORIENTATION = re.compile(rb"""tiff:Orientation[ \t\r\n]*(?:=[ \t\r\n]*["']|>)[ \t\r\n]*([0-9]+)""")

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES = 13
_CHUNK_BYTES = 12  # of a chunk without data: length, type and checksum
_SINGLE_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"bKGD"})
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
    """Metadata of a JPEG file that matters. The values are the marker and the beginning of the payload."""

    JFIF = (0xE0, b"JFIF\0")
    EXIF = (0xE1, b"Exif")
    XMP = (0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    ICC = (0xE2, b"ICC_PROFILE\0")
    SPIFF = (0xE8, b"SPIFF\0")
    ADOBE = (0xEE, b"Adobe")


class _Segment(NamedTuple):
    """A segment of a JPEG file: its payload, and all of its bytes with the scan data that follows."""

    marker: int
    payload: bytes
    content: bytes

    def is_a(self, kind: _Kind) -> bool:
        """Return whether the segment has a kind."""
        marker, prefix = kind.value
        return self.marker == marker and self.payload.startswith(prefix)


def _clean_jpeg(content: bytes) -> Iterator[bytes]:
    segments = [*_segments(content)]
    _require_image(segments)
    _require_icc_profile(segments)
    orientation = _orientation(segments)
    yield _SOI
    for each in segments:
        if each.marker in _IMAGE or each.is_a(_Kind.ICC):
            yield each.content
        elif each.is_a(_Kind.JFIF):
            yield _segment(each.marker, each.payload[:_JFIF_WITHOUT_THUMBNAIL] + b"\0\0")
        elif each.is_a(_Kind.ADOBE):
            yield _segment(each.marker, each.payload[:_ADOBE_BYTES])
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
    if marker not in _IMAGE | _METADATA | {_END_OF_IMAGE}:
        raise MetadataError(f"the file contains an unsupported segment (FF{marker:02X})")
    return marker


def _end_of_scan(content: bytes, start: int) -> int:
    found = _MARKER_IN_SCAN.search(content, start)
    if not found:
        raise MetadataError("the file is truncated")
    return found.start()


def _require_image(segments: Sequence[_Segment]) -> None:
    """Require one frame, scans after it, and before them, at most once, the metadata that decoders use."""
    if any(each.is_a(_Kind.SPIFF) for each in segments):
        raise MetadataError("the file is a SPIFF file")
    before_scans = [*takewhile(lambda each: each.marker != _START_OF_SCAN, segments)]
    scans = segments[len(before_scans) :]
    frames = [each for each in segments if each.marker in _FRAMES]
    if not scans or len(frames) != 1 or frames[0] in scans:
        raise MetadataError("the file does not consist of one frame and its scans")
    for kind in (_Kind.JFIF, _Kind.EXIF, _Kind.ICC, _Kind.ADOBE):
        if any(each.is_a(kind) for each in scans):
            raise MetadataError(f"the file contains {kind.name} data after the first scan")
        if kind is not _Kind.ICC and len(_payloads(before_scans, kind)) > 1:
            raise MetadataError(f"the file contains {kind.name} data twice")
    for kind, size in ((_Kind.JFIF, _JFIF_BYTES), (_Kind.ADOBE, _ADOBE_BYTES), (_Kind.ICC, _ICC_HEADER_BYTES)):
        if any(len(payload) < size for payload in _payloads(segments, kind)):
            raise MetadataError(f"the {kind.name} data is invalid")


def _require_icc_profile(segments: Sequence[_Segment]) -> None:
    """Require all parts of the colour profile, in order."""
    payloads = _payloads(segments, _Kind.ICC)
    header = len(_Kind.ICC.value[1])
    if [(*payload[header:_ICC_HEADER_BYTES],) for payload in payloads] != [
        (number, len(payloads)) for number in range(1, len(payloads) + 1)
    ]:
        raise MetadataError("the ICC data is incomplete or not in order")


def _orientation(segments: Sequence[_Segment]) -> int:
    """Return the orientation, or 1 if it is unknown. Some decoders read it from XMP data, which must agree."""
    exif = _payloads(segments, _Kind.EXIF)
    orientation = _exif_orientation(exif[0]) if exif else _UPRIGHT
    stated = b"".join(_payloads(segments, _Kind.XMP))
    if any(int(digits) != orientation for digits in _XMP_ORIENTATION.findall(stated)):
        raise MetadataError("the EXIF and XMP data state different orientations")
    return orientation


def _exif_orientation(payload: bytes) -> int:
    tiff = payload[len(_EXIF_HEADER) :]
    formats = {b"II*\0": "<", b"MM\0*": ">"}
    try:
        order = formats[tiff[:4]]
        [start] = struct.unpack_from(f"{order}I", tiff, 4)
        [count] = struct.unpack_from(f"{order}H", tiff, start)
        fields = [struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * index) for index in range(count)]
    except (KeyError, struct.error) as error:
        raise MetadataError("the EXIF data is invalid") from error
    found = [each for each in fields if each[0] == _ORIENTATION]
    if not payload.startswith(_EXIF_HEADER) or len(found) > 1 or any(each[1:3] != (_SHORT, 1) for each in found):
        raise MetadataError("the EXIF data is invalid")
    return found[0][3] if found and found[0][3] in _ORIENTATIONS else _UPRIGHT


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
