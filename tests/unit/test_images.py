import hashlib
from pathlib import Path

import pytest

from imagescan.domain.errors import ApiError, BadInput, TooLarge, UnsupportedType
from imagescan.domain.image import MAX_POSTED_BYTES, hash_from_key, object_key, validate_image
from imagescan.domain.image_header import ImageType, dimensions, sniff
from testing.images import jpeg, png, segment

JPEG, PNG = ImageType.JPEG, ImageType.PNG
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize(
    ("name", "sides"), [("cat.jpg", (451, 300)), ("cat-small.png", (226, 150)), ("astronaut.jpg", (512, 512))]
)
def test_the_sides_of_real_pictures_are_read_from_their_headers(name: str, sides: tuple[int, int]) -> None:
    content = (SAMPLES / name).read_bytes()
    image_type = sniff(content)
    assert image_type
    assert dimensions(content, image_type) == sides


def test_a_checked_image_carries_its_hash_and_key() -> None:
    content = png(300, 200)
    image = validate_image(content, PNG)
    assert image.hash == hashlib.sha256(content).hexdigest()
    assert image.key == f"images/{image.hash}.png"
    assert (image.width, image.height, image.type) == (300, 200, PNG)


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xC9])
def test_every_kind_of_frame_header_is_read(frame: int) -> None:
    assert dimensions(jpeg(320, 240, frame=frame), JPEG) == (320, 240)


def test_a_thumbnail_in_an_exif_segment_is_not_taken_for_the_picture() -> None:
    exif = segment(0xE1, b"Exif\0\0" + jpeg(16, 12))
    assert dimensions(jpeg(640, 480, segments=exif), JPEG) == (640, 480)


def test_fill_bytes_and_huffman_tables_before_the_frame_are_stepped_over() -> None:
    assert dimensions(jpeg(640, 480, segments=b"\xff\xff" + segment(0xC4, b"\x00" * 17)), JPEG) == (640, 480)


@pytest.mark.parametrize(
    ("content", "declared", "error", "code"),
    [
        (b"", JPEG, BadInput, "empty_file"),
        (b"plain text named .jpg", JPEG, UnsupportedType, "unsupported_type"),
        (b"GIF89a" + bytes(100), PNG, UnsupportedType, "unsupported_type"),
        (png(), JPEG, UnsupportedType, "type_mismatch"),
        (jpeg(), PNG, UnsupportedType, "type_mismatch"),
        (png()[:20], PNG, BadInput, "damaged_image"),
        (jpeg()[:10], JPEG, BadInput, "damaged_image"),
        (b"\xff\xd8\xff\xd9", JPEG, BadInput, "damaged_image"),
        (jpeg(0, 100), JPEG, BadInput, "damaged_image"),
        (png(79, 200), PNG, BadInput, "image_too_small"),
        (jpeg(200, 79), JPEG, BadInput, "image_too_small"),
        (png(10_001, 200), PNG, BadInput, "image_dimensions_too_large"),
        (jpeg(200, 10_001), JPEG, BadInput, "image_dimensions_too_large"),
        (png() + bytes(MAX_POSTED_BYTES), PNG, TooLarge, "file_too_large"),
    ],
)
def test_what_cannot_be_scanned_is_refused_with_a_code_and_a_sentence(
    content: bytes, declared: ImageType, error: type[ApiError], code: str
) -> None:
    with pytest.raises(error) as refused:
        validate_image(content, declared)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("side", [80, 10_000])
def test_the_limits_themselves_are_taken(side: int) -> None:
    assert validate_image(png(side, side), PNG).width == side
    assert validate_image(jpeg(side, side), JPEG).height == side


def test_the_largest_file_is_taken() -> None:
    content = png()
    assert validate_image(content + bytes(MAX_POSTED_BYTES - len(content)), PNG).content[:8] == content[:8]


@pytest.mark.parametrize("image_type", [JPEG, PNG])
def test_a_key_names_its_hash(image_type: ImageType) -> None:
    assert hash_from_key(object_key("ab" * 32, image_type)) == "ab" * 32


@pytest.mark.parametrize(
    "key", ["images/cat.jpg", f"images/{'A' * 64}.jpg", f"other/{'a' * 64}.jpg", f"images/{'a' * 64}.gif", ""]
)
def test_a_foreign_key_names_none(key: str) -> None:
    assert hash_from_key(key) is None
