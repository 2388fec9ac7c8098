"""Computes the canonical form of a JPEG file.

Sources: ITU-T T.81 annex B (markers); jdmarker.c of libjpeg and mjpegdec.c of FFmpeg (what decoders recognise); ICC.1
annex B.4 (profiles); Exif 2.32, section 4.6 (directories); Adobe's XMP specification, part 3.
"""

import re
from hashlib import sha256
from struct import iter_unpack, pack, unpack_from

from imagescan.domain.byte_reader import END_OF_IMAGE, ByteReader, NoCanonicalFormError

MAX_SEGMENTS = 20_000
"""Segments to read. Files have dozens, or hundreds with large metadata. The limit bounds the time of crafted files."""

_PREFIX = b"imagescan-content-1\njpeg\n"
_MARKER_START = 0xFF
_TABLES = frozenset((0xDB, 0xC4, 0xDD, 0xCC))  # DQT, DHT, DRI, DAC
_START_OF_FRAME = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))  # sequential and progressive, Huffman and arithmetic
_START_OF_SCAN = 0xDA
_ADOBE_APP, _COMMENT = 0xEE, 0xFE
_METADATA = frozenset((*range(0xE0, 0xF0), _COMMENT))  # APPn, COM
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # not an escaped 0xFF or a restart marker

_HEAD_BYTES = 4  # marker and length
_FRAME_BYTES, _COMPONENT_BYTES = 10, 3
_JFIF_BYTES = 14
_ADOBE_BYTES = 12
_ICC = b"ICC_PROFILE\x00"
_EXIF = b"Exif\x00\x00"
_EXIF_SEARCH_BYTES = 10  # some readers accept up to four bytes before "Exif"
_USED_BY_SOME = (b"SPIFF", b"AVI1", b"LJIF", b"mrfx", b"rloc", b"CS=ITU601", b"Metasoft MJPEG Codec")
"""How segments and comments begin that change what FFmpeg and others decode, whatever their marker is."""
_PHOTOSHOP = b"photoshop"
_PHOTOSHOP_COPIES = (b"8BIM\x04\x0f", b"8BIM\x04\x22", b"8BIM\x04\x23", b"8BIM\x04\x24")  # of ICC, EXIF, EXIF, XMP

_UPRIGHT, _LAST_ORIENTATION = 1, 8
_BYTE_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
_TIFF_HEADER_BYTES = 8
_ENTRY_BYTES = 12
_ORIENTATION_TAG = 0x0112
_ONE_SHORT = (3, 1)  # type and count
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_XMP_ORIENTATION = rb"""tiff:Orientation(?:=(?:"([1-8])"|'([1-8])')|>([1-8])</tiff:Orientation>)"""


class JpegContent:
    """The state of a JPEG file that is read from after its start of image."""

    def __init__(self, reader: ByteReader) -> None:
        """Start after the start of image."""
        self._reader = reader
        self._canonical = sha256(_PREFIX + b"\xff\xd8")
        self._has_frame = False
        self._has_scan = False
        self._has_jfif = False
        self._has_photoshop = False
        self._adobe: bytes | None = None
        self._profile: _Profile | None = None
        self._orientation: int | None = None
        self._xmp_orientations: set[int] = set()

    def hash(self) -> str:
        """Return the SHA-256 of the canonical form. Raise NoCanonicalFormError if the file has none."""
        for _ in range(MAX_SEGMENTS):
            segment = self._reader.read_segment()
            code = segment[1]
            if segment[0] != _MARKER_START:
                break
            if code in _TABLES:
                self._canonical.update(segment)
            elif code in _METADATA:
                self._read_metadata(code, segment[_HEAD_BYTES:])
            elif code in _START_OF_FRAME:
                self._read_frame(segment)
            elif code == _START_OF_SCAN:
                self._read_scan(segment)
            elif segment == END_OF_IMAGE:
                return self._finish()
            else:
                break
        raise NoCanonicalFormError

    def _read_frame(self, frame: bytes) -> None:
        if self._has_frame or len(frame) < _FRAME_BYTES or len(frame) != _FRAME_BYTES + _COMPONENT_BYTES * frame[9]:
            raise NoCanonicalFormError
        if not (any(frame[5:7]) and any(frame[7:9])):  # no height: a DNL segment states it later
            raise NoCanonicalFormError
        self._has_frame = True
        self._canonical.update(frame)

    def _read_scan(self, header: bytes) -> None:
        if not self._has_frame:
            raise NoCanonicalFormError
        self._has_scan = True
        self._canonical.update(header)
        self._reader.copy_until(_END_OF_SCAN, self._canonical.update)

    def _finish(self) -> str:
        orientation = self._orientation or _UPRIGHT
        if not self._has_scan or self._xmp_orientations - {orientation}:
            raise NoCanonicalFormError
        profile = b"" if self._profile is None else self._profile.digest()
        adobe = self._adobe or b""
        self._canonical.update(
            END_OF_IMAGE + bytes((self._has_jfif, orientation, len(profile))) + profile + len(adobe).to_bytes(2) + adobe
        )
        return self._canonical.hexdigest()

    def _read_metadata(self, code: int, payload: bytes) -> None:
        """Read what decoders use of a segment, and omit it."""
        if payload.startswith(_USED_BY_SOME) or (code not in (_ADOBE_APP, _COMMENT) and _is_adobe(payload)):
            raise NoCanonicalFormError
        match code:
            case 0xE0:
                self._read_app0(payload)
            case 0xE1:
                self._read_app1(payload)
            case 0xE2 if payload[: len(_ICC) - 1].upper() == _ICC[:-1]:  # ImageMagick ignores case
                self._require_no_frame()
                self._profile = self._profile or _Profile()
                self._profile.add(payload)
            case 0xEB if payload[12:16] != b"jumb":  # an extension to high dynamic range, for example JPEG XT
                raise NoCanonicalFormError
            case 0xED if payload[: len(_PHOTOSHOP)].lower() == _PHOTOSHOP:
                self._read_photoshop(payload)
            case _ if code == _ADOBE_APP:
                self._read_adobe(payload)

    def _read_app0(self, payload: bytes) -> None:
        if payload.startswith(b"JFIF"):
            self._require_no_frame()
            if self._has_jfif or not payload.startswith(b"JFIF\x00") or len(payload) < _JFIF_BYTES:
                raise NoCanonicalFormError
            self._has_jfif = True

    def _read_app1(self, payload: bytes) -> None:
        if b"exif" not in payload[:_EXIF_SEARCH_BYTES].lower():
            self._xmp_orientations |= _xmp_orientations(payload)
            return
        self._require_no_frame()
        if self._orientation is not None or not payload.startswith(_EXIF):
            raise NoCanonicalFormError
        self._orientation = _exif_orientation(payload[len(_EXIF) :])

    def _read_adobe(self, payload: bytes) -> None:
        self._require_no_frame()
        if self._adobe is not None or not _is_adobe(payload) or len(payload) < _ADOBE_BYTES:
            raise NoCanonicalFormError
        self._adobe = payload

    def _read_photoshop(self, payload: bytes) -> None:
        """Some readers use the ICC profile, EXIF and XMP that Photoshop's resources can contain."""
        if self._has_photoshop or any(copy in payload for copy in _PHOTOSHOP_COPIES):
            raise NoCanonicalFormError
        self._has_photoshop = True

    def _require_no_frame(self) -> None:
        """Some decoders ignore what stands after the frame header. Pillow ignores the colour profile there."""
        if self._has_frame:
            raise NoCanonicalFormError


class _Profile:
    """A colour profile, which consists of numbered chunks."""

    def __init__(self) -> None:
        self._sha256 = sha256()
        self._chunks = 0
        self._expected = 0

    def add(self, payload: bytes) -> None:
        if not payload.startswith(_ICC) or len(payload) < len(_ICC) + 2:
            raise NoCanonicalFormError
        number, expected = payload[len(_ICC) : len(_ICC) + 2]
        self._chunks += 1
        if number != self._chunks or self._expected not in (0, expected):
            raise NoCanonicalFormError
        self._expected = expected
        self._sha256.update(payload[len(_ICC) + 2 :])

    def digest(self) -> bytes:
        if self._chunks != self._expected:
            raise NoCanonicalFormError
        return self._sha256.digest()


def _is_adobe(payload: bytes) -> bool:
    """Return whether some decoders read the colour space from this segment. Adobe_CM is another one, in APP13."""
    return payload.startswith(b"Adobe") and not payload.startswith(b"Adobe_CM")


def _exif_orientation(tiff: bytes) -> int:
    """Return the orientation that EXIF states, or 1 if it is absent or out of range.

    If it is absent, some readers search other directories, for example that of the thumbnail.
    """
    byte_order = _BYTE_ORDERS.get(tiff[:4])
    if byte_order is None or len(tiff) < _TIFF_HEADER_BYTES:
        raise NoCanonicalFormError
    (at,) = unpack_from(f"{byte_order}I", tiff, 4)
    orientation = _read_directory(tiff, at, byte_order)
    if orientation is None and pack(f"{byte_order}HHI", _ORIENTATION_TAG, *_ONE_SHORT) in tiff:
        raise NoCanonicalFormError
    return orientation if orientation and orientation <= _LAST_ORIENTATION else _UPRIGHT


def _read_directory(tiff: bytes, at: int, byte_order: str) -> int | None:
    """Return the orientation that a directory states, if any.

    Some readers stop at an entry of an unknown type, or with a value outside the data. Others skip it.
    """
    if at < _TIFF_HEADER_BYTES or len(tiff) < at + 2:
        raise NoCanonicalFormError
    (entries,) = unpack_from(f"{byte_order}H", tiff, at)
    end = at + 2 + _ENTRY_BYTES * entries
    if len(tiff) < end + 4:  # the position of the next directory follows
        raise NoCanonicalFormError
    orientation = None
    for tag, kind, count, value in iter_unpack(f"{byte_order}HHI4s", tiff[at + 2 : end]):
        if kind not in _TYPE_BYTES:
            raise NoCanonicalFormError
        size = _TYPE_BYTES[kind] * count
        if size > len(value) and unpack_from(f"{byte_order}I", value)[0] + size > len(tiff):
            raise NoCanonicalFormError
        if tag == _ORIENTATION_TAG:
            if orientation is not None or (kind, count) != _ONE_SHORT:
                raise NoCanonicalFormError
            (orientation,) = unpack_from(f"{byte_order}H", value)
    return orientation


def _xmp_orientations(packet: bytes) -> set[int]:
    """Return the orientations that XMP states. Raise NoCanonicalFormError if it could state one in another way."""
    text = packet.replace(b"\x00", b"")  # UTF-16 becomes ASCII
    if b"<!DOCTYPE" in text:  # it can declare entities, which stand for any text
        raise NoCanonicalFormError
    if b"orientation" not in text.lower():
        return set()
    if b"orientation" in re.sub(_XMP_ORIENTATION, b"", text).lower():
        raise NoCanonicalFormError
    return {int(b"".join(values)) for values in re.findall(_XMP_ORIENTATION, text)}
