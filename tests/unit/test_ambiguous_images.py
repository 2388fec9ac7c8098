"""Files that decoders could interpret differently have no content hash, and neither have corrupt files."""

import struct
import zlib

import pytest

from imagescan.domain.content_hash import content_hash
from imagescan.domain.jpeg_content import MAX_SEGMENTS
from imagescan.domain.png_content import MAX_CHUNKS, MAX_PROFILE_BYTES, MAX_SCANLINE_BYTES
from testing.image_variants import (
    EXIF,
    ICC,
    PNG_SIGNATURE,
    XMP,
    Chunk,
    exif,
    join_jpeg,
    join_png,
    png_chunk,
    profile_segments,
    scanlines,
    split_jpeg,
    split_png,
    tiff,
    with_chunks,
    with_exif,
    with_image_data,
    with_profile,
    with_segments,
    with_xmp,
    without_chunks,
)
from testing.images import segment
from tests.unit.content_images import PROFILE, encoded, hash_of, jpegs, photo, pngs

# ---------------------------------------------------------------- JPEG

JPEG = jpegs()["baseline"]  # JFIF, two quantisation tables, frame header, four Huffman tables, scan
PROGRESSIVE = jpegs()["progressive"]
SEGMENTS, SCAN = split_jpeg(JPEG)
JFIF = SEGMENTS[0]
FRAME_AT = 3
FRAME = SEGMENTS[FRAME_AT]
ADOBE = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01")
EXIF_SEGMENT = segment(0xE1, exif(6))
ICC_SEGMENTS = profile_segments(PROFILE, 200)
ORIENTATION = (0x0112, 3, 1, b"\x00\x06\x00\x00")
CAMERA = (0x010F, 2, 4, b"Cam\x00")


def _added(*added: bytes, at: int = 1) -> bytes:
    return with_segments(JPEG, *added, at=at)


def _in_scan(inserted: bytes) -> bytes:
    return JPEG[:-50] + inserted + JPEG[-50:]


def _between_scans(inserted: bytes) -> bytes:
    at = PROGRESSIVE.rindex(b"\xff\xda")
    return PROGRESSIVE[:at] + inserted + PROGRESSIVE[at:]


def _with_frame(frame: bytes) -> bytes:
    return join_jpeg([*SEGMENTS[:FRAME_AT], frame, *SEGMENTS[FRAME_AT + 1 :]], SCAN)


def _with_jfif(payload: bytes) -> bytes:
    return join_jpeg([segment(0xE0, payload), *SEGMENTS[1:]], SCAN)


def _with_exif_data(data: bytes) -> bytes:
    return _added(segment(0xE1, EXIF + data))


def _with_entries(*entries: tuple[int, int, int, bytes]) -> bytes:
    return _with_exif_data(tiff(list(entries), byte_order=">"))


AMBIGUOUS_JPEGS = {
    # structure
    "no end of image": JPEG[:-2],
    "no scan": join_jpeg(SEGMENTS, b"\xff\xd9"),
    "no frame header": join_jpeg([*SEGMENTS[:FRAME_AT], *SEGMENTS[FRAME_AT + 1 :]], SCAN),
    "two frame headers": _added(FRAME),
    "frame header after the scan": _between_scans(FRAME),
    "second start of image": _added(b"\xff\xd8"),
    "stray bytes between segments": _added(b"??"),
    "a fill byte before a marker": _added(b"\xff"),
    "an escaped 0xFF between segments": _added(b"\xff\x00"),
    "fill bytes in the scan": _in_scan(b"\xff\xff\xff\x00"),
    "a fill byte before the end of the image": JPEG[:-2] + b"\xff\xff\xd9",
    "stray bytes between scans": _between_scans(segment(0xFE, b"") + b"?"),
    "a restart marker outside of a scan": _added(b"\xff\xd0"),
    "a length of zero": _added(b"\xff\xfe\x00\x00"),
    "a length of one": _added(b"\xff\xfe\x00\x01"),
    "too many segments": _added(segment(0xFE, b"") * MAX_SEGMENTS),
    "TEM": _added(b"\xff\x01"),
    "a reserved marker": _added(segment(0x42, b"")),
    "DNL": _between_scans(segment(0xDC, b"\x00\x24")),
    "DHP": _added(segment(0xDE, FRAME[4:])),
    "EXP": _added(segment(0xDF, b"\x11")),
    "JPG": _added(segment(0xC8, b"")),
    **{f"JPG{number}": _added(segment(0xF0 + number, b"")) for number in range(14)},
    **{
        f"frame type {code:X}": _with_frame(FRAME[:1] + bytes([code]) + FRAME[2:])
        for code in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF)
    },
    "no height": _with_frame(FRAME[:5] + b"\x00\x00" + FRAME[7:]),
    "no width": _with_frame(FRAME[:7] + b"\x00\x00" + FRAME[9:]),
    "a frame header that is too long": _with_frame(segment(0xC0, FRAME[4:] + b"\x00")),
    "a frame header that is too short": _with_frame(segment(0xC0, FRAME[4:8])),
    # JFIF and Adobe
    "two JFIF segments": _added(JFIF),
    "a short JFIF segment": _with_jfif(JFIF[4:-1]),
    "JFIF without its end": _with_jfif(b"JFIF"),
    "JFIF without a zero byte": _with_jfif(b"JFIFX" + JFIF[9:]),
    "JFIF after the frame header": join_jpeg([*SEGMENTS[1:], JFIF], SCAN),
    "two Adobe segments": _added(ADOBE, ADOBE),
    "a short Adobe segment": _added(segment(0xEE, ADOBE[4:-1])),
    "an APP14 segment that is not Adobe's": _added(segment(0xEE, b"adobe\x00\x64\x00\x00\x00\x00\x01")),
    "Adobe after the frame header": _added(ADOBE, at=99),
    "Adobe after the first scan": _between_scans(ADOBE),
    "interlaced video": _added(segment(0xE0, b"AVI1\x01" + bytes(9))),
    "Adobe in another segment": _added(segment(0xE5, ADOBE[4:])),
    "interlaced video in another segment": _added(segment(0xE4, b"AVI1\x01" + bytes(9))),
    "Pegasus's colour space": _added(segment(0xE1, b"LJIF" + bytes(9))),
    "the colour transformation of JPEG-LS": _added(segment(0xE8, b"mrfx\x01")),
    "a comment that limits the range of values": _added(segment(0xFE, b"CS=ITU601\x00")),
    "a comment that turns the image upside down": _added(segment(0xFE, b"Metasoft MJPEG Codec")),
    "SPIFF": _added(segment(0xE8, b"SPIFF\x00" + bytes(24))),
    "JPEG XT": _added(segment(0xEB, b"JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x10RESI")),
    "JPEG-HDR": _added(segment(0xEB, b"HDR_RI ver=11\x00")),
    # colour profile
    "an incomplete profile": _added(*ICC_SEGMENTS[:-1]),
    "a profile in another order": _added(*reversed(ICC_SEGMENTS)),
    "a chunk of the profile twice": _added(ICC_SEGMENTS[0], *ICC_SEGMENTS),
    "two profiles": _added(*ICC_SEGMENTS, *ICC_SEGMENTS),
    "different numbers of chunks": _added(segment(0xE2, ICC + b"\x01\x03a"), segment(0xE2, ICC + b"\x02\x02b")),
    "a profile of no chunks": _added(segment(0xE2, ICC + b"\x01\x00a")),
    "a profile that counts from zero": _added(segment(0xE2, ICC + b"\x00\x01a")),
    "a profile without numbers": _added(segment(0xE2, ICC)),
    "a profile without the end of its name": _added(segment(0xE2, b"ICC_PROFILE\x01\x01\x01")),
    "a profile in other letters": _added(segment(0xE2, b"icc_profile\x00\x01\x01data")),
    "a profile after the frame header": _added(*ICC_SEGMENTS, at=99),
    "a profile after the first scan": _between_scans(b"".join(ICC_SEGMENTS)),
    **{
        f"a Photoshop resource 0x{code:04X}": _added(
            segment(0xED, b"Photoshop 3.0\x008BIM" + struct.pack(">HHI", code, 0, 4) + b"data")
        )
        for code in (0x040F, 0x0422, 0x0423, 0x0424)
    },
    "Photoshop's profile in other letters": _added(
        segment(0xED, b"photoshop 3.0\x008BIM\x04\x0f\x00\x00\x00\x00\x00\x04data")
    ),
    "Photoshop resources in two segments": _added(*2 * [segment(0xED, b"Photoshop 3.0\x00")]),
    # EXIF
    "two EXIF segments": _added(EXIF_SEGMENT, EXIF_SEGMENT),
    "EXIF after the frame header": _added(EXIF_SEGMENT, at=99),
    "EXIF after the first scan": _between_scans(EXIF_SEGMENT),
    "EXIF with one zero byte": _added(segment(0xE1, b"Exif\x00" + exif()[6:])),
    "EXIF in other letters": _added(segment(0xE1, b"EXIF\x00\x00" + exif()[6:])),
    "EXIF after four bytes": _added(segment(0xE1, bytes(4) + exif())),
    "empty EXIF": _with_exif_data(b""),
    "EXIF of a byte order only": _with_exif_data(b"MM\x00*"),
    "EXIF with its name twice": _with_exif_data(exif(6)),
    "EXIF of an unknown byte order": _with_exif_data(b"XX" + exif()[8:]),
    "EXIF with the byte order of the other number": _with_exif_data(b"II" + exif()[8:]),
    "EXIF of a BigTIFF": _with_exif_data(b"MM\x00\x2b" + exif()[10:]),
    "EXIF that is cut off": _with_exif_data(exif(6)[6:-5]),
    "EXIF with a directory in its header": _with_exif_data(b"MM\x00*\x00\x00\x00\x04" + exif()[14:]),
    "EXIF with a directory after its end": _with_exif_data(b"MM\x00*\x00\x00\xff\x00" + exif()[14:]),
    "orientation twice": _with_entries(ORIENTATION, CAMERA, ORIENTATION),
    "orientation as long": _with_entries((0x0112, 4, 1, b"\x00\x00\x00\x06")),
    "orientation as byte": _with_entries((0x0112, 1, 1, b"\x06\x00\x00\x00")),
    "two orientations": _with_entries((0x0112, 3, 2, b"\x00\x06\x00\x06")),
    "no orientation": _with_entries((0x0112, 3, 0, b"\x00\x06\x00\x00")),
    "orientation of the thumbnail only": _with_exif_data(tiff([CAMERA], [ORIENTATION], byte_order=">")),
    "orientation of the thumbnail only, little-endian": _with_exif_data(
        tiff([CAMERA], [(0x0112, 3, 1, b"\x06\x00\x00\x00")], byte_order="<")
    ),
    # XMP
    "XMP with another orientation": with_xmp(with_exif(JPEG, orientation=3), 'tiff:Orientation="6"'),
    "XMP with an orientation and no EXIF": with_xmp(JPEG, 'tiff:Orientation="6"'),
    "XMP with two orientations": with_xmp(with_xmp(JPEG, 'tiff:Orientation="6"'), 'tiff:Orientation="1"'),
    "XMP with orientation as element": with_xmp(JPEG, "><tiff:Orientation>6</tiff:Orientation></rdf:Description"),
    "XMP with orientation between spaces": with_xmp(JPEG, 'tiff:Orientation = "1"'),
    "XMP with an encoded orientation": with_xmp(JPEG, 'tiff:Orientation="&#54;"'),
    "XMP with another prefix": with_xmp(JPEG, 't:Orientation="6" xmlns:t="http://ns.adobe.com/tiff/1.0/"'),
    "XMP with orientation zero": with_xmp(JPEG, 'tiff:Orientation="0"'),
    "XMP in UTF-16": _added(segment(0xE1, XMP + 'tiff:Orientation="6"'.encode("utf-16-le"))),
    "XMP with entities": _added(segment(0xE1, XMP + b'<!DOCTYPE x [<!ENTITY o "tiff:&#79;rientation">]><x/>')),
    "XMP with orientation after the scan": _between_scans(segment(0xE1, XMP + b'tiff:Orientation="6"')),
}


@pytest.mark.parametrize("image", AMBIGUOUS_JPEGS.values(), ids=AMBIGUOUS_JPEGS)
def test_an_ambiguous_jpeg_has_no_hash(image: bytes) -> None:
    assert hash_of(image) is None


COUNTERPARTS = {
    "JPEG": JPEG,
    "progressive": PROGRESSIVE,
    "comments": _added(segment(0xFE, b"") * 1000),
    "a comment between scans": _between_scans(segment(0xFE, b"")),
    "Adobe": _added(ADOBE),
    "a profile": _added(*ICC_SEGMENTS),
    "EXIF": _added(EXIF_SEGMENT),
    "an orientation": _with_entries(CAMERA, ORIENTATION),
    "orientation of image and thumbnail": _with_exif_data(tiff([ORIENTATION], [CAMERA, ORIENTATION], byte_order=">")),
    "a thumbnail": _with_exif_data(tiff([CAMERA], [CAMERA], byte_order=">")),
    "Photoshop's colour management": _added(segment(0xED, b"Adobe_CM\x00\x02")),
    "a comment of Adobe": _added(segment(0xFE, b"Adobe Photoshop")),
    "a usual comment": _added(segment(0xFE, b"Lavc61.3.100")),
    "XMP with the same orientation": with_xmp(with_exif(JPEG, orientation=6), 'tiff:Orientation="6"'),
}


@pytest.mark.parametrize("image", COUNTERPARTS.values(), ids=COUNTERPARTS)
def test_a_similar_jpeg_that_is_not_ambiguous_has_a_hash(image: bytes) -> None:
    assert hash_of(image) is not None


def test_the_profile_without_chunk_limits_is_the_same() -> None:
    assert hash_of(with_profile(JPEG, PROFILE)) == hash_of(_added(*ICC_SEGMENTS)) is not None


# ---------------------------------------------------------------- PNG

PNG = encoded(photo(), "PNG")
PALETTE = pngs()["transparent palette"]
GREY = pngs()["L of 5 x 7"]
HEADER = split_png(PNG)[0][1]
DATA = b"".join(data for name, data in split_png(PNG) if name == b"IDAT")
GAMMA = (b"gAMA", struct.pack(">I", 45455))
SRGB = (b"sRGB", b"\x00")
COLOUR_CHUNKS = (
    GAMMA,
    SRGB,
    (b"cHRM", bytes(32)),
    (b"sBIT", bytes(3)),
    (b"cICP", bytes(4)),
    (b"iCCP", b"a\x00\x00" + zlib.compress(PROFILE)),
)
PALETTE_CHUNKS = ((b"bKGD", bytes(6)), (b"tRNS", bytes(6)), (b"PLTE", bytes(6)))


def _with_header(*, at: int, value: int) -> bytes:
    return _with_header_data(HEADER[:at] + bytes([value]) + HEADER[at + 1 :])


def _with_header_data(header: bytes) -> bytes:
    return join_png([(b"IHDR", header), *split_png(PNG)[1:]])


def _empty_png(width: int, height: int, depth: int, colour_type: int, *, scanline_bytes: int) -> bytes:
    """Return a PNG with scanlines of zeros."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(bytes(scanline_bytes), 1)
    return join_png([(b"IHDR", header), (b"PLTE", bytes(3)), (b"IDAT", data), (b"IEND", b"")])


def _with_data(*chunks: bytes | Chunk) -> bytes:
    """Replace the chunks of scanlines by these. Bytes are those of one."""
    added = [(b"IDAT", each) if isinstance(each, bytes) else each for each in chunks]
    return with_chunks(without_chunks(PNG, b"IDAT"), *added, before=b"IEND")


def _with_profile(chunk: bytes) -> bytes:
    return with_chunks(PNG, (b"iCCP", chunk))


def _compressed(data: bytes, window_bits: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    return compressor.compress(data) + compressor.flush()


def _wrong_checksums(png: bytes) -> dict[str, bytes]:
    """Change the checksum of each chunk."""
    chunks = split_png(png)
    wrong = {}
    for index, (name, _) in enumerate(chunks):
        parts = [bytearray(png_chunk(*chunk)) for chunk in chunks]
        parts[index][-1] ^= 1
        wrong[f"a wrong checksum of {name.decode()}"] = PNG_SIGNATURE + b"".join(parts)
    return wrong


SIZES = {
    "one byte too few": scanlines(PNG)[:-1],
    "one byte too many": scanlines(PNG) + b"\x00",
    "one line too few": scanlines(PNG)[: -(1 + 3 * 48)],
    "no bytes": b"",
}
AMBIGUOUS_PNGS = {
    **_wrong_checksums(with_chunks(pngs()["profile"], (b"tEXt", b"Comment\x00"), GAMMA, (b"bKGD", bytes(6)))),
    # structure
    "no header": join_png(split_png(PNG)[1:]),
    "a chunk before the header": PNG_SIGNATURE + png_chunk(b"tEXt", b"a\x00b") + PNG[8:],
    "two headers": with_chunks(PNG, (b"IHDR", HEADER)),
    "a header that is too long": _with_header_data(HEADER + b"\x00"),
    "no scanlines": without_chunks(PNG, b"IDAT"),
    "an end that is not empty": join_png([*split_png(PNG)[:-1], (b"IEND", b"?")]),
    "no end": PNG[:-12],
    "a chunk of more than 2 GB": PNG[:-12] + b"\x80\x00\x00\x00tEXt" + PNG[-12:],
    "a name that is not ASCII": with_chunks(PNG, (b"t\xe9Xt", b"")),
    "a name with a digit": with_chunks(PNG, (b"tEX7", b"")),
    "an unknown critical chunk": with_chunks(PNG, (b"ABCD", b"")),
    "Apple's critical chunk": PNG_SIGNATURE + png_chunk(b"CgBI", bytes(4)) + PNG[8:],
    "too many chunks": with_chunks(PNG, *[(b"tEXt", b"")] * MAX_CHUNKS),
    "a division of the scanlines": with_chunks(PNG, (b"iDOT", bytes(28))),
    **{
        f"high dynamic range, {name.decode()}": with_chunks(PNG, (name, bytes(24)))
        for name in (b"mDCV", b"mDCv", b"cLLI", b"cLLi")
    },
    "a profile as text": with_chunks(PNG, (b"zTXt", b"Raw profile type icc\x00\x00")),
    "a profile as text, in other letters": with_chunks(PNG, (b"tEXt", b"raw Profile Type ICM\x00")),
    "Photoshop resources as text": with_chunks(PNG, (b"zTXt", b"Raw profile type 8bim\x00\x00")),
    # header
    "width zero": _empty_png(0, 5, 8, 2, scanline_bytes=0),
    "height zero": _empty_png(5, 0, 8, 2, scanline_bytes=0),
    "width of 2^31": _with_header_data(b"\x80\x00\x00\x00" + HEADER[4:]),
    "an invalid depth": _empty_png(2, 1, 4, 2, scanline_bytes=1 + 3),
    "an invalid depth of a palette": _empty_png(1, 1, 16, 3, scanline_bytes=1 + 2),
    "an invalid colour type": _with_header(at=9, value=1),
    "an unknown compression": _with_header(at=10, value=1),
    "an unknown filter method": _with_header(at=11, value=64),
    "an unknown interlacing": _with_header(at=12, value=2),
    "interlacing of other scanlines": _with_header(at=12, value=1),
    # chunks
    **{
        f"{name.decode()} twice": with_chunks(PNG, (name, data), (name, data))
        for name, data in (*COLOUR_CHUNKS, *PALETTE_CHUNKS)
    },
    **{
        f"{name.decode()} after the scanlines": with_chunks(PNG, (name, data), before=b"IEND")
        for name, data in (*COLOUR_CHUNKS, *PALETTE_CHUNKS)
    },
    **{
        f"{name.decode()} after the palette": with_chunks(PNG, (b"PLTE", bytes(6)), (name, data))
        for name, data in COLOUR_CHUNKS
    },
    **{
        f"{name.decode()} before the palette": with_chunks(PALETTE, (name, data), before=b"PLTE")
        for name, data in ((b"bKGD", b"\x00"),)
    },
    "tRNS before the palette": with_chunks(without_chunks(PALETTE, b"tRNS"), (b"tRNS", b"\x00"), before=b"PLTE"),
    "a standard colour space and a profile": with_chunks(pngs()["profile"], SRGB, before=b"iCCP"),
    "no palette": without_chunks(PALETTE, b"PLTE", b"tRNS"),
    "an empty palette": with_chunks(PNG, (b"PLTE", b"")),
    "a palette of incomplete colours": with_chunks(PNG, (b"PLTE", bytes(4))),
    "a palette of 257 colours": with_chunks(PNG, (b"PLTE", bytes(257 * 3))),
    "a palette in a grey image": with_chunks(GREY, (b"PLTE", bytes(3))),
    "a palette in a grey image with alpha": with_chunks(pngs()["LA of 5 x 7"], (b"PLTE", bytes(3))),
    # colour profile
    "a profile without name": _with_profile(b"\x00\x00" + zlib.compress(PROFILE)),
    "a profile with a name of 80 bytes": _with_profile(b"a" * 80 + b"\x00\x00" + zlib.compress(PROFILE)),
    "a profile without the end of its name": _with_profile(b"a" * 20),
    "a profile of unknown compression": _with_profile(b"a\x00\x01" + zlib.compress(PROFILE)),
    "a profile without data": _with_profile(b"a\x00\x00"),
    "a profile that is cut off": _with_profile(b"a\x00\x00" + zlib.compress(PROFILE)[:-1]),
    "a profile with bytes after it": _with_profile(b"a\x00\x00" + zlib.compress(PROFILE) + b"?"),
    "a corrupt profile": _with_profile(b"a\x00\x00" + b"??" + zlib.compress(PROFILE)[2:]),
    "a profile of more than 4 MB": _with_profile(b"a\x00\x00" + zlib.compress(bytes(MAX_PROFILE_BYTES + 1))),
    "a profile with too small a window": _with_profile(b"a\x00\x00" + _compressed(bytes(1000), 9)),
    # scanlines
    **{f"scanlines of {name}": with_image_data(PNG, zlib.compress(data)) for name, data in SIZES.items()},
    "scanlines in two places": _with_data(DATA[:50], (b"tEXt", b""), DATA[50:]),
    "scanlines that are cut off": _with_data(DATA[:-1]),
    "scanlines with a wrong checksum": _with_data(DATA[:-1] + bytes([DATA[-1] ^ 1])),
    "bytes after the scanlines": _with_data(DATA + b"?"),
    "bytes after the scanlines in another chunk": _with_data(DATA, b"?"),
    "a second stream after the scanlines": _with_data(DATA, zlib.compress(b"")),
    "scanlines that are not compressed": _with_data(scanlines(PNG)),
    "scanlines without header": _with_data(DATA[2:-4]),
    "scanlines with a dictionary": _with_data(b"\x78\xbb" + DATA[2:]),
    "scanlines with too small a window": _with_data(_compressed(scanlines(PNG), 9)),
}


@pytest.mark.parametrize("image", AMBIGUOUS_PNGS.values(), ids=AMBIGUOUS_PNGS)
def test_an_ambiguous_png_has_no_hash(image: bytes) -> None:
    assert hash_of(image) is None


COUNTERPART_PNGS = {
    "PNG": PNG,
    "palette": PALETTE,
    "grey": GREY,
    "a pixel with a palette": _empty_png(1, 1, 8, 3, scanline_bytes=1 + 1),
    "a suggested palette": with_chunks(PNG, GAMMA, (b"PLTE", bytes(6)), (b"tRNS", bytes(6)), (b"bKGD", bytes(6))),
    "text": with_chunks(PNG, *[(b"tEXt", b"")] * 1000),
    "other profiles as text": with_chunks(PNG, (b"zTXt", b"Raw profile type exif\x00\x00")),
    "a chunk that is no text": with_chunks(PNG, (b"abCd", b"Raw profile type icc\x00\x00")),
    "a profile": _with_profile(b"a" * 79 + b"\x00\x00" + zlib.compress(PROFILE)),
    "a profile of 4 MB": _with_profile(b"a\x00\x00" + zlib.compress(bytes(MAX_PROFILE_BYTES))),
    "a profile and gamma": with_chunks(pngs()["profile"], GAMMA),
    "scanlines in two chunks": _with_data(DATA[:50], DATA[50:]),
    "a small window of a small image": with_image_data(GREY, _compressed(scanlines(GREY), 9)),
}


@pytest.mark.parametrize("image", COUNTERPART_PNGS.values(), ids=COUNTERPART_PNGS)
def test_a_similar_png_that_is_not_ambiguous_has_a_hash(image: bytes) -> None:
    assert hash_of(image) is not None


def test_a_png_with_more_than_64_mb_of_scanlines_has_no_hash() -> None:
    width = 4096 - 1  # and the byte of the filter
    rows = MAX_SCANLINE_BYTES // 4096
    assert hash_of(_without_palette(width, rows)) is not None
    assert hash_of(_without_palette(width, rows + 1)) is None


def _without_palette(width: int, height: int) -> bytes:
    grey = _empty_png(width, height, 8, 0, scanline_bytes=(width + 1) * height)
    return without_chunks(grey, b"PLTE")


# ---------------------------------------------------------------- other files

OTHER_FILES = {
    "nothing": b"",
    "one byte": b"\xff",
    "the start of a JPEG": b"\xff\xd8",
    "the signature of a PNG": PNG_SIGNATURE,
    "a signature of a PNG that was changed in transit": PNG_SIGNATURE.replace(b"\r\n", b"\n") + PNG[8:],
    "GIF": encoded(photo(), "GIF"),
    "BMP": encoded(photo(), "BMP"),
    "WebP": encoded(photo(), "WEBP"),
    "bytes before a JPEG": b"?" + JPEG,
    "bytes before a PNG": b"?" + PNG,
}


@pytest.mark.parametrize("data", OTHER_FILES.values(), ids=OTHER_FILES)
def test_another_file_has_no_hash(data: bytes) -> None:
    assert hash_of(data) is None


def test_a_png_that_inflates_to_more_than_its_header_states_is_not_read_to_its_end() -> None:
    bomb = with_image_data(PNG, zlib.compress(bytes(20_000_000)))
    remaining = iter([bomb[start : start + 1000] for start in range(0, len(bomb), 1000)])
    assert content_hash(remaining) is None
    assert len(list(remaining)) > 15
