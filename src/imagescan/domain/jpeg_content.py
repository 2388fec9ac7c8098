"""Computes the canonical form of a JPEG file.

Sources: ITU-T T.81 annex B (markers); libjpeg's jdmarker.c (how decoders recognise JFIF and Adobe segments); ICC.1
annex B.4 (profiles); Exif 2.32, sections 4.5 and 4.6; Adobe's XMP specification, part 3.
"""

import re
from hashlib import sha256

from imagescan.domain.byte_reader import ByteReader, NoCanonicalFormError

SIGNATURE = b"\xff\xd8"

MAX_SEGMENTS = 20_000
"""Segments to read. Files have dozens, or hundreds with large metadata. The limit bounds the time of crafted files."""

_PREFIX = b"imagescan-content-1\njpeg\n"
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # neither an escaped 0xFF nor a restart marker

_START_OF_FRAME = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))  # sequential and progressive, Huffman and arithmetic
_TABLES = frozenset((0xC4, 0xCC, 0xDB, 0xDD))  # DHT, DAC, DQT, DRI
_END_OF_IMAGE, _START_OF_SCAN, _COMMENT = 0xD9, 0xDA, 0xFE
_APP = frozenset(range(0xE0, 0xF0))

_JFIF_BYTES = 14
_ADOBE_BYTES = 12
_ICC = b"ICC_PROFILE\x00"
_EXIF = b"Exif\x00\x00"
_EXIF_START_BYTES = 10  # readers accept up to four bytes before "Exif"
_PHOTOSHOP = b"Photoshop 3.0"
_PHOTOSHOP_COPIES = (b"8BIM\x04\x0f", b"8BIM\x04\x22", b"8BIM\x04\x23", b"8BIM\x04\x24")  # of ICC, EXIF and XMP
_XMP_ORIENTATION = rb"""tiff:Orientation(?:=(?:"([1-8])"|'([1-8])')|>([1-8])</tiff:Orientation>)"""


def canonical_hash(reader: ByteReader) -> str:
    """Return the SHA-256 of the canonical form. The reader is after the signature. May raise NoCanonicalFormError."""
    return _JpegContent(reader).read()


class _JpegContent:
    def __init__(self, reader: ByteReader) -> None:
        self._reader = reader
        self._canonical = sha256(_PREFIX + SIGNATURE)
        self._has_frame = False
        self._has_scan = False
        self._has_jfif = False
        self._has_photoshop = False
        self._adobe: bytes | None = None
        self._profile = _IccProfile()
        self._orientation: int | None = None
        self._xmp_orientations: set[int] = set()

    def read(self) -> str:
        for _ in range(MAX_SEGMENTS):
            marker = self._reader.read(2)
            if marker[0] != 0xFF:
                raise NoCanonicalFormError
            if marker[1] == _END_OF_IMAGE:
                return self._finish(marker)
            self._read_segment(marker)
        raise NoCanonicalFormError

    def _read_segment(self, marker: bytes) -> None:
        code = marker[1]
        if code in _APP or code == _COMMENT:
            self._read_metadata(code, self._read_payload(self._reader.read(2)))
        elif code in _TABLES:
            self._keep_segment(marker)
        elif code in _START_OF_FRAME:
            self._read_frame(marker)
        elif code == _START_OF_SCAN:
            self._read_scan(marker)
        else:
            raise NoCanonicalFormError

    def _read_payload(self, length: bytes) -> bytes:
        size = int.from_bytes(length)
        if size < 2:
            raise NoCanonicalFormError
        return self._reader.read(size - 2)

    def _keep_segment(self, marker: bytes) -> bytes:
        length = self._reader.read(2)
        payload = self._read_payload(length)
        self._canonical.update(marker + length + payload)
        return payload

    def _read_frame(self, marker: bytes) -> None:
        header = self._keep_segment(marker)
        if self._has_frame or len(header) < 6 or len(header) != 6 + 3 * header[5]:
            raise NoCanonicalFormError
        if not (any(header[1:3]) and any(header[3:5])):  # a height of 0 is stated later, in a DNL segment
            raise NoCanonicalFormError
        self._has_frame = True

    def _read_scan(self, marker: bytes) -> None:
        if not self._has_frame:
            raise NoCanonicalFormError
        self._has_scan = True
        self._keep_segment(marker)
        self._reader.copy_until(_END_OF_SCAN, self._canonical)

    def _finish(self, marker: bytes) -> str:
        if not self._has_scan or self._xmp_orientations - {self._orientation or 1}:
            raise NoCanonicalFormError
        adobe = b"\x00" if self._adobe is None else b"\x01" + len(self._adobe).to_bytes(2) + self._adobe
        trailer = bytes((self._has_jfif, self._orientation or 1))
        self._canonical.update(marker + trailer + self._profile.finish() + adobe)
        return self._canonical.hexdigest()

    def _read_metadata(self, code: int, payload: bytes) -> None:
        match code:
            case 0xE0:
                self._read_app0(payload)
            case 0xE1:
                self._read_app1(payload)
            case 0xE2 if payload.startswith(_ICC[:-1]):
                self._require_no_scan()
                self._profile.add(payload)
            case 0xE8 if payload.startswith(b"SPIFF"):
                raise NoCanonicalFormError
            case 0xEB if payload[12:16] != b"jumb":  # JPEG XT, or another extension to high dynamic range
                raise NoCanonicalFormError
            case 0xED if payload.startswith(_PHOTOSHOP):
                self._read_photoshop(payload)
            case 0xEE:
                self._read_app14(payload)

    def _read_app0(self, payload: bytes) -> None:
        if payload.startswith(b"JFIF"):
            self._require_no_scan()
            if self._has_jfif or not payload.startswith(b"JFIF\x00") or len(payload) < _JFIF_BYTES:
                raise NoCanonicalFormError
            self._has_jfif = True
        elif payload.startswith(b"AVI1"):  # a field of interlaced video
            raise NoCanonicalFormError

    def _read_app1(self, payload: bytes) -> None:
        if b"exif" in payload[:_EXIF_START_BYTES].lower():
            self._require_no_scan()
            if self._orientation is not None or not payload.startswith(_EXIF):
                raise NoCanonicalFormError
            self._orientation = exif_orientation(payload[len(_EXIF) :])
        else:
            self._xmp_orientations |= xmp_orientations(payload)

    def _read_app14(self, payload: bytes) -> None:
        self._require_no_scan()
        if self._adobe is not None or not payload.startswith(b"Adobe") or len(payload) < _ADOBE_BYTES:
            raise NoCanonicalFormError
        self._adobe = payload

    def _read_photoshop(self, payload: bytes) -> None:
        if self._has_photoshop or any(copy in payload for copy in _PHOTOSHOP_COPIES):
            raise NoCanonicalFormError
        self._has_photoshop = True

    def _require_no_scan(self) -> None:
        if self._has_scan:
            raise NoCanonicalFormError


class _IccProfile:
    """The colour profile, which consists of numbered chunks."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._chunks = 0
        self._expected = 0

    def add(self, payload: bytes) -> None:
        start = len(_ICC)
        if not payload.startswith(_ICC) or len(payload) < start + 2:
            raise NoCanonicalFormError
        number, count = payload[start], payload[start + 1]
        self._expected = self._expected or count
        self._chunks += 1
        if number != self._chunks or count != self._expected:
            raise NoCanonicalFormError
        self._hash.update(payload[start + 2 :])

    def finish(self) -> bytes:
        if self._chunks != self._expected:
            raise NoCanonicalFormError
        return b"\x01" + self._hash.digest() if self._chunks else b"\x00"


def exif_orientation(tiff: bytes) -> int:
    """Return the orientation that EXIF data states: 1 to 8, 1 if it is absent or out of range.

    Some readers search the second directory (of the thumbnail) if the first one states no orientation.
    """
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        raise NoCanonicalFormError
    orientation, second = _read_directory(tiff, int.from_bytes(tiff[4:8], order), order)
    if orientation is None and second:
        of_thumbnail, _ = _read_directory(tiff, second, order)
        if of_thumbnail not in (None, 1):
            raise NoCanonicalFormError
    return orientation if orientation in range(1, 9) else 1


_BYTE_ORDERS = {b"II*\x00": "little", b"MM\x00*": "big"}


def _read_directory(tiff, at, order):
    """Return the orientation that a directory states, if any, and the position of the next directory, or 0."""
    entries = int.from_bytes(tiff[at : at + 2], order)
    end = at + 2 + 12 * entries
    if at < 8 or len(tiff) < end + 4:
        raise NoCanonicalFormError
    tag, short_and_one = (0x0112).to_bytes(2, order), (3).to_bytes(2, order) + (1).to_bytes(4, order)
    found = [start for start in range(at + 2, end, 12) if tiff.startswith(tag, start)]
    if len(found) > 1 or not all(tiff.startswith(short_and_one, start + 2) for start in found):
        raise NoCanonicalFormError
    values = [int.from_bytes(tiff[start + 8 : start + 10], order) for start in found]
    return (values[0] if values else None), int.from_bytes(tiff[end : end + 4], order)


def xmp_orientations(packet: bytes) -> set[int]:
    """Return the orientations that XMP states. Raise NoCanonicalFormError if it mentions one in an unusual way."""
    text = packet.replace(b"\x00", b"")  # also finds them in UTF-16
    if b"<!DOCTYPE" in text:  # can declare entities, which can stand for any text
        raise NoCanonicalFormError
    if b"orientation" not in text.lower():
        return set()
    found = re.findall(_XMP_ORIENTATION, text)
    rest = re.sub(_XMP_ORIENTATION, b"", text)
    if b"orientation" in rest.lower():
        raise NoCanonicalFormError
    return {int(b"".join(groups)) for groups in found}
