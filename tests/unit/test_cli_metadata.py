"""Removal of metadata from images. Pillow decodes the results, and the content hash must stay the same."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from imagescan.domain.content_hash import content_hash
from imagescan_cli.metadata import MetadataError, remove_metadata
from tests.unit.metadata_cases import SAMPLES, SECRET, TABLE, accepted, rejected, table

CASES = [*accepted(), *rejected()]
PROFILE = bytes(range(256)) * 300  # more than one segment of a JPEG
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description camera="' + SECRET + b'"/></x:xmpmeta>'


def picture(mode: str = "RGB") -> Image.Image:
    """Return a part of a photo that is not symmetric."""
    with Image.open(next(each for each in SAMPLES if each.name == "cat.jpg")) as photo:
        return photo.crop((0, 0, 120, 80)).convert(mode)


def private_exif(orientation: int | None) -> Image.Exif:
    """Return EXIF data with a position, a serial number and a thumbnail, as cameras write them."""
    exif = Image.Exif()
    if orientation:
        exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = SECRET.decode()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.BodySerialNumber] = SECRET.decode()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = SECRET
    exif.get_ifd(ExifTags.IFD.IFD1)[ExifTags.Base.ImageDescription] = SECRET.decode()
    return exif


def encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def jpegs() -> Iterator[tuple[str, bytes]]:
    variants: dict[str, tuple[str, dict[str, Any]]] = {
        "baseline": ("RGB", {}),
        "progressive": ("RGB", {"progressive": True}),
        "greyscale": ("L", {"quality": 40}),
        "CMYK": ("CMYK", {}),
        "restart intervals": ("RGB", {"restart_marker_blocks": 3}),
        "colour profile": ("RGB", {"icc_profile": PROFILE}),
    }
    for name, (mode, options) in variants.items():
        for orientation in (None, 1, 6):
            private = {"exif": private_exif(orientation), "xmp": XMP, "comment": SECRET}
            yield f"{name}, orientation {orientation}", encoded(picture(mode), "JPEG", **options, **private) + SECRET
    pictures = [picture(), picture("L").convert("RGB")]
    yield "multi-picture", encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:], comment=SECRET)


def pngs() -> Iterator[tuple[str, bytes]]:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_text("Author", SECRET.decode(), zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    text.add(b"prVt", SECRET)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
        image = Image.new("I;16", (90, 80), 777) if mode == "I;16" else picture().convert(mode)
        yield mode, encoded(image, "PNG", pnginfo=text, exif=private_exif(6), icc_profile=PROFILE) + SECRET
    yield "palette with a transparent colour", encoded(picture("P"), "PNG", transparency=3, pnginfo=text)
    animated = encoded(picture(), "PNG", save_all=True, append_images=[picture("L").convert("RGB")], pnginfo=text)
    yield "animation", animated


PRIVATE = [*jpegs(), *pngs()]


def pixels(content: bytes) -> tuple[str, tuple[int, int], bytes, Any, Any]:
    """Return the decoded image, upright if it is a JPEG, with its colour profile and transparency."""
    with Image.open(BytesIO(content)) as image:
        decoded = image if image.format == "PNG" else ImageOps.exif_transpose(image)
        info = image.info
        return (decoded.mode, decoded.size, decoded.tobytes(), info.get("icc_profile"), info.get("transparency"))


def content_hash_of(content: bytes) -> str | None:
    return content_hash([content])


@pytest.mark.parametrize("content", [content for _, content in PRIVATE], ids=[name for name, _ in PRIVATE])
def test_pixels_and_content_hash_stay_the_same_and_nothing_private_remains(content: bytes) -> None:
    assert SECRET in content
    cleaned = remove_metadata(content)
    assert SECRET not in cleaned
    assert pixels(cleaned) == pixels(content)
    assert content_hash_of(content) is not None
    assert content_hash_of(cleaned) == content_hash_of(content)
    assert remove_metadata(cleaned) == cleaned


@pytest.mark.parametrize("content", [content for _, content in PRIVATE], ids=[name for name, _ in PRIVATE])
def test_pillow_finds_no_metadata_except_the_orientation(content: bytes) -> None:
    with Image.open(BytesIO(remove_metadata(content))) as image:
        image.load()
        assert set(image.getexif()) <= {ExifTags.Base.Orientation}
        assert image.getexif().get_ifd(ExifTags.IFD.GPSInfo) == {}
        assert getattr(image, "n_frames", 1) == 1
        assert not {"comment", "xmp", "XML:com.adobe.xmp", "mp", "photoshop", "Comment", "Author"} & set(image.info)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_have_the_same_pixels_and_content_hash_without_metadata(path: Any) -> None:
    content = path.read_bytes()
    cleaned = remove_metadata(content)
    assert pixels(cleaned) == pixels(content)
    assert content_hash_of(cleaned) == content_hash_of(content)


@pytest.mark.parametrize(("why", "content"), [*accepted()], ids=[why for why, _ in accepted()])
def test_nothing_private_remains_of_a_small_file(why: str, content: bytes) -> None:
    cleaned = remove_metadata(content)
    assert SECRET not in cleaned
    assert remove_metadata(cleaned) == cleaned
    assert content_hash_of(content) in {None, content_hash_of(cleaned)}, why


@pytest.mark.parametrize(("why", "content"), [*rejected()], ids=[why for why, _ in rejected()])
def test_an_ambiguous_file_is_not_changed_but_rejected(why: str, content: bytes) -> None:
    with pytest.raises(MetadataError):
        remove_metadata(content)
    if why != "long Adobe segment":  # it may contain anything, and decoders ignore it
        assert content_hash_of(content) is None


def test_the_table_that_the_web_page_reads_is_current() -> None:
    assert json.loads(TABLE.read_text(encoding="utf-8")) == table()


def test_orientation_is_the_only_thing_that_remains_of_exif() -> None:
    cleaned = remove_metadata(encoded(picture(), "JPEG", exif=private_exif(6)))
    with Image.open(BytesIO(cleaned)) as image:
        assert dict(image.getexif()) == {ExifTags.Base.Orientation: 6}


def test_every_truncation_is_rejected() -> None:
    for content in (encoded(picture(), "JPEG", quality=5), encoded(picture().convert("1"), "PNG")):
        for size in range(len(content)):
            with pytest.raises(MetadataError):
                remove_metadata(content[:size])


def test_metadata_of_a_large_file_with_many_escaped_bytes_is_removed() -> None:
    noise = Image.effect_noise((3000, 3000), 200)
    content = encoded(noise, "JPEG", quality=98, comment=SECRET)
    assert len(content) > 5_000_000
    assert SECRET not in remove_metadata(content)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_a_changed_byte_keeps_the_content_hash_or_the_file_is_rejected(
    case: tuple[str, bytes], data: st.DataObject
) -> None:
    content = bytearray(case[1] or b"\0")
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        cleaned = remove_metadata(bytes(content))
    except MetadataError:
        return
    assert remove_metadata(cleaned) == cleaned
    assert content_hash_of(bytes(content)) in {None, content_hash_of(cleaned)}
