"""Metadata does not change the content hash of an image. Everything that changes its pixels does.

Pillow is the oracle: what it decodes is equal for each metadata change here, and differs for each other change.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from imagescan.domain.content_hash import content_hash
from testing.image_variants import (
    exif,
    join_jpeg,
    join_png,
    recompressed,
    scanlines,
    split_jpeg,
    split_png,
    with_chunks,
    with_comment,
    with_exif,
    with_image_data,
    with_profile,
    with_segments,
    with_text_chunk,
    with_trailing_bytes,
    with_xmp,
    without_chunks,
    without_exif,
)
from testing.images import segment
from tests.unit.content_images import (
    OTHER_PROFILE,
    PROFILE,
    encoded,
    found_images,
    hash_of,
    jpegs,
    photo,
    pngs,
    seen,
)

type Change = Callable[[bytes], bytes]

LAST = 99
"""Index of a segment: before the first scan, after the frame header. The header has index 3 after JFIF and DQT."""
XMP_UPRIGHT = (
    "tiff:Orientation='1'",
    'tiff:Orientation="1"',
    "><tiff:Orientation>1</tiff:Orientation></rdf:Description",
)

JPEG_METADATA: dict[str, Change] = {
    "a comment at the start": lambda jpeg: with_comment(jpeg, at=0),
    "a comment before the scan": lambda jpeg: with_comment(jpeg, at=LAST),
    "EXIF without orientation": lambda jpeg: with_exif(jpeg, orientation=None),
    "little-endian EXIF": lambda jpeg: with_exif(jpeg, byte_order="<"),
    "EXIF before JFIF": lambda jpeg: with_exif(jpeg, at=0),
    "EXIF with an orientation out of range": lambda jpeg: with_exif(jpeg, orientation=9),
    "EXIF with orientation zero": lambda jpeg: with_exif(jpeg, orientation=0),
    "no EXIF": without_exif,
    "XMP": with_xmp,
    "XMP before the scan": lambda jpeg: with_xmp(jpeg, at=LAST),
    **{f"XMP with {each}": lambda jpeg, each=each: with_xmp(jpeg, each) for each in XMP_UPRIGHT},  # type: ignore[misc]
    "extended XMP": lambda jpeg: with_segments(
        jpeg, segment(0xE1, b"http://ns.adobe.com/xmp/extension/\x00" + bytes(60))
    ),
    "IPTC": lambda jpeg: with_segments(jpeg, segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x00")),
    "a JFIF extension": lambda jpeg: with_segments(jpeg, segment(0xE0, b"JFXX\x00\x13\x01\x01\x00\x00\x00")),
    "a colour profile of another kind": lambda jpeg: with_segments(jpeg, segment(0xE2, b"FPXR\x00\x00")),
    "the quality of Photoshop": lambda jpeg: with_segments(
        jpeg, segment(0xEC, b"Ducky\x00\x01\x00\x04\x00\x00\x00\x3c")
    ),
    "content credentials": lambda jpeg: with_segments(
        jpeg, segment(0xEB, b"JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x10jumb")
    ),
    "empty segments": lambda jpeg: with_segments(
        jpeg, *(segment(0xE0 + n, b"") for n in range(10)), segment(0xFE, b"")
    ),
    "trailing bytes": with_trailing_bytes,
    "another image at the end": lambda jpeg: with_trailing_bytes(jpeg, jpeg),
    "the end of a JPEG at the end": lambda jpeg: with_trailing_bytes(jpeg, b"\xff\xd9"),
}
PNG_METADATA: dict[str, Change] = {
    "text": with_text_chunk,
    "text after the scanlines": lambda png: with_chunks(png, (b"tEXt", b"Comment\x00After"), before=b"IEND"),
    "international text": lambda png: with_chunks(png, (b"iTXt", b"Title\x00\x00\x00\x00\x00T")),
    "XMP": lambda png: with_chunks(png, (b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00<x/>")),
    "EXIF, of which the orientation does not count": lambda png: with_chunks(png, (b"eXIf", exif(6)[6:])),
    "time": lambda png: with_chunks(png, (b"tIME", b"\x07\xea\x01\x01\x00\x00\x00")),
    "resolution": lambda png: with_chunks(
        without_chunks(png, b"pHYs"), (b"pHYs", b"\x00\x00\x0b\x13\x00\x00\x0b\x13\x01")
    ),
    "an unknown ancillary chunk": lambda png: with_chunks(png, (b"abCd", b"anything")),
    "trailing bytes": with_trailing_bytes,
    "the lowest compression": lambda png: recompressed(png, level=0),
    "the highest compression": lambda png: recompressed(png, level=9),
    "scanlines in many chunks": lambda png: recompressed(png, chunk_bytes=7),
    "empty chunks of scanlines": lambda png: with_chunks(png, (b"IDAT", b""), (b"IDAT", b"")),
}


def _variants(images: dict[str, bytes], changes: dict[str, Change]) -> list[object]:
    """Return each change of each image as a parameter."""
    return [
        pytest.param(image, change, id=f"{image_name}, {name}")
        for image_name, image in images.items()
        for name, change in changes.items()
    ]


@pytest.mark.parametrize(("image", "change"), _variants(jpegs(), JPEG_METADATA))
def test_metadata_of_a_jpeg_changes_neither_its_hash_nor_its_pixels(image: bytes, change: Change) -> None:
    image = without_exif(image)  # the only one of them has an orientation
    changed = change(image)
    assert hash_of(changed) == hash_of(image) is not None
    assert seen(changed) == seen(image)


@pytest.mark.parametrize(("image", "change"), _variants(pngs(), PNG_METADATA))
def test_metadata_and_compression_of_a_png_change_neither_its_hash_nor_its_pixels(image: bytes, change: Change) -> None:
    changed = change(image)
    assert hash_of(changed) == hash_of(image) is not None
    assert seen(changed) == seen(image)


@pytest.mark.parametrize("path", list(found_images()), ids=lambda path: path.name)
def test_each_photo_has_a_hash_that_metadata_does_not_change(path: Path) -> None:
    data = path.read_bytes()
    changes: tuple[Change, ...] = (with_comment, with_xmp) if path.suffix == ".jpg" else (with_text_chunk, recompressed)
    for change in (*changes, with_trailing_bytes):
        assert hash_of(change(data)) == hash_of(data) is not None
        assert seen(change(data)) == seen(data)


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_the_position_and_the_division_of_the_colour_profile_do_not_matter(at: int) -> None:
    image = encoded(photo(), "JPEG", icc_profile=PROFILE)
    changed = with_profile(image, PROFILE, at=at, chunk_bytes=100)
    assert hash_of(changed) == hash_of(image) is not None
    assert seen(changed) == seen(image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_position_of_the_orientation_and_its_copy_in_xmp_do_not_matter(orientation: int) -> None:
    image = with_exif(jpegs()["baseline"], orientation=orientation)
    for changed in (
        with_exif(image, orientation=orientation, byte_order="<", at=3),
        with_xmp(image, f'tiff:Orientation="{orientation}"', at=0),
        with_xmp(image, f'tiff:Orientation="{orientation}"', at=LAST),
    ):
        assert hash_of(changed) == hash_of(image) is not None
        assert seen(changed) == seen(image)


def test_metadata_between_the_scans_of_a_progressive_jpeg_does_not_change_its_hash() -> None:
    image = jpegs()["progressive"]
    last_scan = image.rindex(b"\xff\xda")
    for added in (segment(0xFE, b"A comment"), segment(0xE5, b"\xff\xd9")):
        changed = image[:last_scan] + added + image[last_scan:]
        assert hash_of(changed) == hash_of(image) is not None
        assert seen(changed) == seen(image)


def test_the_name_and_the_compression_of_the_profile_of_a_png_do_not_matter() -> None:
    image = pngs()["profile"]
    chunk = b"Another name\x00\x00" + zlib.compress(PROFILE, 1)
    changed = with_chunks(without_chunks(image, b"iCCP"), (b"iCCP", chunk))
    assert hash_of(changed) == hash_of(image) is not None
    assert seen(changed) == seen(image)


def test_the_order_of_the_chunks_of_a_png_does_not_matter() -> None:
    chunks = [(b"gAMA", struct.pack(">I", 45455)), (b"sBIT", b"\x08\x08\x08"), (b"bKGD", bytes(6)), (b"tRNS", bytes(6))]
    image = with_chunks(encoded(photo(), "PNG"), *chunks)
    changed = with_chunks(encoded(photo(), "PNG"), *reversed(chunks))
    assert hash_of(changed) == hash_of(image) is not None
    assert seen(changed) == seen(image)


def _replace_segment(jpeg: bytes, code: int, change: Change) -> bytes:
    segments, rest = split_jpeg(jpeg)
    return join_jpeg((change(each) if each[1] == code else each for each in segments), rest)


def _changed_byte(at: int) -> Change:
    """Return a change of the lowest bit of the byte at an index."""
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _replace_chunk(png: bytes, name: bytes, change: Change) -> bytes:
    return join_png((each, change(data) if each == name else data) for each, data in split_png(png))


def _other_pixel(png: bytes) -> bytes:
    return with_image_data(png, zlib.compress(_changed_byte(5)(scanlines(png))))


def _with_a_red_pixel() -> Image.Image:
    image = photo().copy()
    image.putpixel((9, 9), (255, 0, 0))
    return image


BASELINE = jpegs()["baseline"]
TRUECOLOUR = encoded(photo(), "PNG")
CHANGED: dict[str, tuple[bytes, bytes]] = {
    "JPEG, a pixel": (BASELINE, encoded(_with_a_red_pixel(), "JPEG")),
    "JPEG, quantisation": (BASELINE, _replace_segment(BASELINE, 0xDB, _changed_byte(5))),
    "JPEG, entropy-coded data": (BASELINE, BASELINE[:-40] + bytes([BASELINE[-40] ^ 1]) + BASELINE[-39:]),
    "JPEG, orientation": (with_exif(BASELINE, orientation=3), with_exif(BASELINE, orientation=6)),
    "JPEG, no orientation": (with_exif(BASELINE, orientation=3), without_exif(BASELINE)),
    "JPEG, another profile": (with_profile(BASELINE, PROFILE), with_profile(BASELINE, OTHER_PROFILE)),
    "JPEG, no profile": (with_profile(BASELINE, PROFILE), BASELINE),
    "JPEG, part of the profile": (with_profile(BASELINE, PROFILE), with_profile(BASELINE, PROFILE[:-1])),
    "JPEG, Adobe's colour transformation": (
        jpegs()["RGB components"],
        _replace_segment(jpegs()["RGB components"], 0xEE, _changed_byte(15)),
    ),
    "PNG, a pixel": (TRUECOLOUR, _other_pixel(TRUECOLOUR)),
    "PNG, interlaced pixels": (pngs()["interlaced RGB"], _other_pixel(pngs()["interlaced RGB"])),
    "PNG, palette": (
        pngs()["transparent palette"],
        _replace_chunk(pngs()["transparent palette"], b"PLTE", _changed_byte(1)),
    ),
    "PNG, transparency": (
        pngs()["transparent palette"],
        _replace_chunk(pngs()["transparent palette"], b"tRNS", _changed_byte(1)),
    ),
    "PNG, no transparency": (pngs()["transparent colour"], without_chunks(pngs()["transparent colour"], b"tRNS")),
    "PNG, gamma": (
        with_chunks(TRUECOLOUR, (b"gAMA", struct.pack(">I", 45455))),
        with_chunks(TRUECOLOUR, (b"gAMA", struct.pack(">I", 45456))),
    ),
    "PNG, another profile": (pngs()["profile"], encoded(photo(), "PNG", icc_profile=OTHER_PROFILE)),
    "PNG, no profile": (pngs()["profile"], without_chunks(pngs()["profile"], b"iCCP")),
    "PNG, size": (encoded(photo(4, 6, "L"), "PNG"), encoded(photo(6, 4, "L"), "PNG")),
}


@pytest.mark.parametrize(("image", "changed"), CHANGED.values(), ids=CHANGED)
def test_what_changes_the_pixels_changes_the_hash(image: bytes, changed: bytes) -> None:
    assert seen(image) != seen(changed)
    assert None not in (hash_of(image), hash_of(changed))
    assert hash_of(image) != hash_of(changed)


UNSEEN_CHANGES = {
    "chromaticities": (b"cHRM", bytes(32), bytes(31) + b"\x01"),
    "rendering intent": (b"sRGB", b"\x00", b"\x01"),
    "significant bits": (b"sBIT", b"\x08\x08\x08", b"\x08\x08\x07"),
    "code points": (b"cICP", b"\x01\x0d\x00\x01", b"\x09\x10\x00\x01"),
    "background": (b"bKGD", bytes(6), bytes(5) + b"\x01"),
}


@pytest.mark.parametrize(("name", "data", "changed"), UNSEEN_CHANGES.values(), ids=UNSEEN_CHANGES)
def test_chunks_that_other_decoders_than_pillow_use_change_the_hash(name: bytes, data: bytes, changed: bytes) -> None:
    hashes = {hash_of(TRUECOLOUR), *(hash_of(with_chunks(TRUECOLOUR, (name, each))) for each in (data, changed))}
    assert None not in hashes
    assert len(hashes) == 3


def test_all_images_of_all_kinds_have_different_hashes() -> None:
    images = [each for name, each in {**jpegs(), **pngs()}.items() if name != "MPO"]
    hashes = {hash_of(each) for each in images}
    assert None not in hashes
    assert len(hashes) == len(images)


def test_the_first_image_of_an_mpo_file_has_the_hash_of_the_same_jpeg() -> None:
    assert hash_of(jpegs()["MPO"]) == hash_of(BASELINE)


@pytest.mark.parametrize("image", [jpegs()["all metadata"], pngs()["profile"]], ids=["JPEG", "PNG"])
def test_bytes_after_the_image_are_not_read(image: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield image[:100]
        yield image[100:]
        pytest.fail("read more than necessary")

    assert content_hash(chunks()) == hash_of(image)


def test_a_file_of_another_type_is_not_read_to_its_end() -> None:
    remaining = iter([b"GI", b"F89a", b"..."])
    assert content_hash(remaining) is None
    assert list(remaining) == [b"F89a", b"..."]


def test_an_exception_of_the_source_is_passed_on() -> None:
    def broken() -> Iterator[bytes]:
        yield BASELINE[:100]
        raise ConnectionError("reset by peer")

    with pytest.raises(ConnectionError, match="reset by peer"):
        content_hash(broken())
