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
    ("name", "size"), [("cat.jpg", (451, 300)), ("cat-small.png", (226, 150)), ("astronaut.jpg", (512, 512))]
)
def test_the_dimensions_of_real_images_are_read_from_their_headers(name: str, size: tuple[int, int]) -> None:
    content = (SAMPLES / name).read_bytes()
    image_type = sniff(content)
    assert image_type
    assert dimensions(content, image_type) == size


def test_a_validated_image_has_its_hash_key_and_dimensions() -> None:
    content = png(300, 200)
    image = validate_image(content, PNG)
    assert image.hash == hashlib.sha256(content).hexdigest()
    assert image.key == f"images/{image.hash}.png"
    assert (image.width, image.height, image.type) == (300, 200, PNG)


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xC9])
def test_every_kind_of_frame_header_is_supported(frame: int) -> None:
    assert dimensions(jpeg(320, 240, frame=frame), JPEG) == (320, 240)


def test_the_thumbnail_in_an_exif_segment_is_ignored() -> None:
    exif = segment(0xE1, b"Exif\0\0" + jpeg(16, 12))
    assert dimensions(jpeg(640, 480, segments=exif), JPEG) == (640, 480)


def test_fill_bytes_and_huffman_tables_before_the_frame_header_are_skipped() -> None:
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
def test_an_image_that_cannot_be_scanned_is_rejected_with_a_code_and_a_sentence(
    content: bytes, declared: ImageType, error: type[ApiError], code: str
) -> None:
    with pytest.raises(error) as raised:
        validate_image(content, declared)
    assert raised.value.code == code
    assert raised.value.message.endswith(".")


@pytest.mark.parametrize("side", [80, 10_000])
def test_the_minimum_and_the_maximum_side_are_accepted(side: int) -> None:
    assert validate_image(png(side, side), PNG).width == side
    assert validate_image(jpeg(side, side), JPEG).height == side


def test_a_file_of_the_maximum_size_is_accepted() -> None:
    content = png()
    assert validate_image(content + bytes(MAX_POSTED_BYTES - len(content)), PNG).content[:8] == content[:8]


@pytest.mark.parametrize("image_type", [JPEG, PNG])
def test_an_object_key_contains_the_hash(image_type: ImageType) -> None:
    assert hash_from_key(object_key("ab" * 32, image_type)) == "ab" * 32


@pytest.mark.parametrize(
    "key", ["images/cat.jpg", f"images/{'A' * 64}.jpg", f"other/{'a' * 64}.jpg", f"images/{'a' * 64}.gif", ""]
)
def test_a_foreign_key_contains_no_hash(key: str) -> None:
    assert hash_from_key(key) is None
