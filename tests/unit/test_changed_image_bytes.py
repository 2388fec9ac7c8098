"""Content hashes of files with changed bytes: an equal hash means equal pixels, whatever was changed and how."""

import random
import zlib
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import UnidentifiedImageError

from imagescan.domain.content_hash import content_hash
from testing.image_variants import (
    PNG_SIGNATURE,
    exif,
    join_jpeg,
    join_png,
    png_chunk,
    profile_segments,
    scanlines,
    split_jpeg,
    split_png,
    with_chunks,
    with_comment,
    with_image_data,
    with_text_chunk,
    with_trailing_bytes,
    with_xmp,
)
from testing.images import segment
from tests.unit.content_images import OTHER_PROFILE, PROFILE, encoded, hash_of, jpegs, photo, pngs, seen

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # about corrupt metadata

FLIPS = 600
"""Bits that are flipped in each image, one at a time."""
SHUFFLES = 1500

RICH_JPEG = with_trailing_bytes(with_xmp(jpegs()["all metadata"], 'tiff:Orientation="6"'))
RICH_PNG = with_text_chunk(with_chunks(pngs()["profile"], (b"gAMA", b"\x00\x00\xb1\x8f"), (b"eXIf", exif(6)[6:])))
TINY = {
    "JPEG": with_comment(encoded(photo(9, 9, "L"), "JPEG", icc_profile=PROFILE[:20], exif=exif(6))),
    "progressive JPEG": encoded(photo(9, 9, "L"), "JPEG", progressive=True, restart_marker_blocks=1),
    "PNG": with_text_chunk(encoded(photo(9, 9, "P"), "PNG", icc_profile=PROFILE, transparency=3)),
    "interlaced PNG": pngs()["interlaced RGB"],
}


def test_every_truncation_of_a_file_has_no_hash() -> None:
    for image in TINY.values():
        assert hash_of(image) is not None
        assert {hash_of(image[:size]) for size in range(len(image))} == {None}


@pytest.mark.parametrize("image", [*TINY.values(), RICH_JPEG, RICH_PNG], ids=[*TINY, "rich JPEG", "rich PNG"])
def test_the_size_of_chunks_does_not_matter(image: bytes) -> None:
    sizes = (*range(1, 40), 1000, len(image))
    hashes = {content_hash(_in_chunks(image, size)) for size in sizes}
    assert hashes == {hash_of(image)} != {None}


def test_empty_chunks_do_not_matter() -> None:
    for image in TINY.values():
        chunks = (each for byte in image for each in (b"", bytes([byte]), b"", b""))
        assert content_hash(chunks) == hash_of(image) is not None
    assert content_hash([]) is None
    assert content_hash([b"", b""]) is None


def _in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


# ---------------------------------------------------------------- equal hash, equal pixels


class Oracle:
    """Verifies that all files of one hash look the same to Pillow. Decodes only those whose hash occurs again."""

    def __init__(self) -> None:
        self._first: dict[str, bytes] = {}
        self.repeated = 0

    def check(self, data: bytes) -> None:
        found = hash_of(data)
        if found is None:
            return
        first = self._first.setdefault(found, data)
        if first != data:
            self.repeated += 1
            assert seen_or_error(data) == seen_or_error(first), (first, data)


def seen_or_error(data: bytes) -> object:
    """Return what Pillow decodes, or that it rejects the file."""
    try:
        return seen(data)
    except (OSError, SyntaxError, UnidentifiedImageError):
        return "rejected"


def _flipped(data: bytes, flips: int) -> Iterator[bytes]:
    """Flip one bit at a time, at random positions that are always the same."""
    chosen = random.Random(len(data)).choices(range(8 * len(data)), k=flips)  # noqa: S311 - test data
    for bit in chosen:
        yield data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def _flipped_in_chunks(png: bytes) -> Iterator[bytes]:
    """Flip bits of each chunk, with a correct checksum, and of the inflated scanlines."""
    chunks = split_png(png)
    for index, (name, data) in enumerate(chunks):
        for flipped in _flipped(name + data, 60):
            yield join_png([*chunks[:index], (flipped[:4], flipped[4:]), *chunks[index + 1 :]])
    for flipped in _flipped(scanlines(png), 60):
        yield with_image_data(png, zlib.compress(flipped))


@pytest.mark.parametrize("image", [RICH_JPEG, *jpegs().values()], ids=["rich", *jpegs()])
def test_a_flipped_bit_of_a_jpeg_changes_the_hash_unless_the_pixels_are_equal(image: bytes) -> None:
    oracle = Oracle()
    for flipped in (image, *_flipped(image, FLIPS)):
        oracle.check(flipped)


@pytest.mark.parametrize("image", [RICH_PNG, *pngs().values()], ids=["rich", *pngs()])
def test_a_flipped_bit_of_a_png_changes_the_hash_unless_the_pixels_are_equal(image: bytes) -> None:
    oracle = Oracle()
    for flipped in (image, *_flipped(image, 50), *_flipped_in_chunks(image)):
        oracle.check(flipped)


def test_flipped_bits_of_metadata_keep_the_hash() -> None:
    """Otherwise, the tests above would compare no pixels."""
    for image, flips in ((RICH_JPEG, _flipped(RICH_JPEG, FLIPS)), (RICH_PNG, _flipped_in_chunks(RICH_PNG))):
        hashes = [hash_of(flipped) for flipped in flips]
        assert hashes.count(hash_of(image)) > 20
        assert len(set(hashes)) > 20


JPEG_PARTS = (
    *split_jpeg(jpegs()["baseline"])[0],
    segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x00"),
    segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01"),
    segment(0xE1, exif(1)),
    segment(0xE1, exif(6)),
    segment(0xE1, exif(6, byte_order="<")),
    segment(0xE1, exif(None)),
    segment(0xE1, b'http://ns.adobe.com/xap/1.0/\x00<x tiff:Orientation="6"/>'),
    segment(0xE1, b'http://ns.adobe.com/xap/1.0/\x00<x tiff:Orientation="1"/>'),
    *profile_segments(PROFILE, 350),
    *profile_segments(OTHER_PROFILE, 350),
    segment(0xFE, b"A comment"),
    segment(0xE2, b"MPF\x00MM\x00*\x00\x00\x00\x08\x00\x00"),
    segment(0xED, b"Photoshop 3.0\x00"),
    segment(0xDD, b"\x00\x02"),
)
PNG_PARTS = (
    *split_png(pngs()["transparent colour"])[1:-1],
    (b"PLTE", bytes(range(6))),
    (b"gAMA", b"\x00\x00\xb1\x8f"),
    (b"gAMA", b"\x00\x01\xb1\x8f"),
    (b"sRGB", b"\x00"),
    (b"cHRM", bytes(32)),
    (b"iCCP", b"a\x00\x00" + zlib.compress(PROFILE)),
    (b"iCCP", b"b\x00\x00" + zlib.compress(PROFILE, 1)),
    (b"iCCP", b"a\x00\x00" + zlib.compress(OTHER_PROFILE)),
    (b"bKGD", bytes(6)),
    (b"tEXt", b"Comment\x00text"),
    (b"eXIf", exif(6)[6:]),
    (b"pHYs", bytes(8) + b"\x01"),
)


def test_shuffled_segments_of_a_jpeg_have_equal_hashes_only_if_the_pixels_are_equal() -> None:
    oracle = Oracle()
    generator = random.Random(1)  # noqa: S311 - test data
    required, optional = JPEG_PARTS[:8], JPEG_PARTS[8:]
    scan = split_jpeg(jpegs()["baseline"])[1]
    for _ in range(SHUFFLES):
        parts = list(required)
        for added in generator.sample(optional, generator.randrange(5)):
            parts.insert(generator.randrange(len(parts) + 1), added)
        oracle.check(join_jpeg(parts, scan))
    assert oracle.repeated > SHUFFLES // 10


def test_shuffled_chunks_of_a_png_have_equal_hashes_only_if_the_pixels_are_equal() -> None:
    oracle = Oracle()
    generator = random.Random(1)  # noqa: S311 - test data
    header, *_, end = split_png(pngs()["transparent colour"])
    data = [chunk for chunk in PNG_PARTS if chunk[0] == b"IDAT"]
    optional = [chunk for chunk in PNG_PARTS if chunk[0] != b"IDAT"]
    for _ in range(SHUFFLES):
        parts = list(data)
        for added in generator.sample(optional, generator.randrange(5)):
            parts.insert(generator.randrange(len(parts) + 1), added)
        oracle.check(join_png([header, *parts, end]))
    assert oracle.repeated > SHUFFLES // 10


# ---------------------------------------------------------------- any bytes


STARTS = (b"", b"\xff\xd8", b"\xff\xd8\xff", PNG_SIGNATURE, PNG_SIGNATURE + RICH_PNG[8:33], RICH_JPEG[:700])
SMALL_SEGMENTS = st.builds(
    segment,
    st.sampled_from([0xC0, 0xC4, 0xDA, 0xDB, 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xFE]),
    st.builds(
        bytes.__add__,
        st.sampled_from(
            [b"", b"JFIF", b"Exif\0\0II*\0", b"Exif\0\0MM\0*", b"ICC_PROFILE\0", b"Adobe", b"tiff:Orientation"]
        ),
        st.binary(max_size=40),
    ),
)
SMALL_CHUNKS = st.builds(
    png_chunk, st.sampled_from([b"PLTE", b"tRNS", b"iCCP", b"gAMA", b"IDAT", b"IEND", b"tEXt"]), st.binary(max_size=40)
)


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


FILES = st.one_of(
    st.builds(bytes.__add__, st.sampled_from(STARTS), st.binary(max_size=300)),
    st.lists(SMALL_SEGMENTS, max_size=6).map(_joined).map(b"\xff\xd8".__add__),
    st.lists(SMALL_CHUNKS, max_size=6).map(_joined).map(RICH_PNG[:33].__add__),
)


@given(FILES, st.integers(1, 50))
@example(b"\xff\xd8\xff\xe0\x00\x06JFIF", 50)
@example(b"\xff\xd8\xff\xe2\x00\x0dICC_PROFILE", 50)
@example(b"\xff\xd8\xff\xc0\x00\x02", 50)
def test_no_bytes_raise_an_exception(data: bytes, size: int) -> None:
    assert content_hash(_in_chunks(data, size)) == hash_of(data)


@given(st.sampled_from([RICH_JPEG, RICH_PNG, *TINY.values()]), st.data())
def test_replaced_bytes_raise_no_exception_and_equal_hashes_mean_equal_pixels(
    image: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(image)))
    end = data.draw(st.integers(start, min(len(image), start + 20)))
    changed = image[:start] + data.draw(st.binary(max_size=20)) + image[end:]
    if hash_of(changed) == hash_of(image):
        assert seen_or_error(changed) == seen(image)
