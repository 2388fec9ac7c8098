"""docs/same-image.md defines the canonical form. This computes it from whole files, without checking them."""

import re
import struct
import zlib
from hashlib import sha256

import pytest

from testing.image_variants import EXIF, ICC, scanlines, split_jpeg, split_png, with_chunks
from tests.unit.content_images import encoded, found_images, hash_of, jpegs, photo, pngs
from tools import paths

PAGE = (paths.ROOT / "docs" / "same-image.md").read_text()
VERSION = b"imagescan-content-1\n"


def canonical_jpeg(jpeg: bytes) -> bytes:
    """Return the canonical form of a valid JPEG without metadata between its scans."""
    segments, rest = split_jpeg(jpeg)
    kept = b"".join(each for each in segments if not 0xE0 <= each[1] <= 0xEF and each[1] != 0xFE)
    scans = rest[: rest.index(b"\xff\xd9") + 2]
    payloads = {code: [each[4:] for each in segments if each[1] == code] for code in (0xE0, 0xE1, 0xE2, 0xEE)}
    profile = b"".join(each[14:] for each in payloads[0xE2] if each.startswith(ICC))
    adobe = b"".join(each for each in payloads[0xEE] if each.startswith(b"Adobe"))
    is_jfif = any(each.startswith(b"JFIF\x00") for each in payloads[0xE0])
    orientation = next((_orientation(each) for each in payloads[0xE1] if each.startswith(EXIF)), 1)
    return b"".join((
        VERSION + b"jpeg\n\xff\xd8",
        kept,
        scans,
        bytes((is_jfif, orientation, 32 if profile else 0)),
        sha256(profile).digest() if profile else b"",
        struct.pack(">H", len(adobe)),
        adobe,
    ))  # fmt: skip


def _orientation(exif: bytes) -> int:
    """Return the orientation of big-endian EXIF."""
    found = exif.find(b"\x01\x12\x00\x03\x00\x00\x00\x01")
    return exif[found + 9] if found >= 0 else 1


def canonical_png(png: bytes) -> bytes:
    """Return the canonical form of a valid PNG."""
    chunks = dict(split_png(png))
    form = VERSION + b"png\n" + chunks[b"IHDR"]
    for name in (b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"bKGD"):
        if name in chunks:
            data = chunks[name]
            if name == b"iCCP":
                data = sha256(zlib.decompress(data[data.index(b"\x00") + 2 :])).digest()
            form += name + struct.pack(">I", len(data)) + data
    return form + b"IDAT" + scanlines(png)


ALL_CHUNKS = with_chunks(
    encoded(photo(), "PNG"),
    (b"gAMA", bytes(4)), (b"cICP", bytes(4)), (b"sBIT", bytes(3)), (b"cHRM", bytes(32)), (b"sRGB", b"\x00"),
    (b"PLTE", bytes(6)), (b"bKGD", bytes(6)), (b"tRNS", bytes(6)),
)  # fmt: skip


@pytest.mark.parametrize("image", jpegs().values(), ids=jpegs())
def test_the_hash_of_a_jpeg_is_that_of_its_documented_form(image: bytes) -> None:
    assert hash_of(image) == sha256(canonical_jpeg(image)).hexdigest()


@pytest.mark.parametrize("image", [ALL_CHUNKS, *pngs().values()], ids=["all chunks", *pngs()])
def test_the_hash_of_a_png_is_that_of_its_documented_form(image: bytes) -> None:
    assert hash_of(image) == sha256(canonical_png(image)).hexdigest()


def test_the_hash_of_each_photo_is_that_of_its_documented_form() -> None:
    for path in found_images():
        canonical = canonical_jpeg if path.suffix == ".jpg" else canonical_png
        assert hash_of(path.read_bytes()) == sha256(canonical(path.read_bytes())).hexdigest(), path


def test_the_documented_test_vectors_have_the_documented_hashes() -> None:
    blocks = re.findall(r"```text\n([0-9a-f\n]+)```", PAGE)
    values = [bytes.fromhex(block) for block in blocks]
    assert [value[:4] for value in values[::2]] == [b"\xff\xd8\xff\xe0", b"\x89PNG"]
    assert [hash_of(value) for value in values[::2]] == [value.hex() for value in values[1::2]]
