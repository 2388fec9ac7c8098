"""Images for tests that must be distinct: other content, the same pixels."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from imagescan.domain.content_hash import content_hash
from testing.image_variants import split_jpeg, with_new_content, with_segments
from testing.images import png, segment
from tools import paths

DQT, START_OF_FRAME = 0xDB, 0xC0
CAT = (paths.SAMPLES / "cat.jpg").read_bytes()
SAMPLES = [*sorted(paths.SAMPLES.glob("*.jpg")), *(paths.SAMPLES / name for name in ("cat-small.png", "sign.png"))]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_new_image_has_other_content_and_the_same_pixels(sample: Path) -> None:
    image = sample.read_bytes()
    new = [image, *(with_new_content(image, number) for number in range(3)), with_new_content(image)]
    hashes = {content_hash([each]) for each in new}
    assert len(hashes - {None}) == len(new)
    assert len({pixels(each) for each in new}) == 1
    assert with_new_content(image, 1) == new[2]


def pixels(image: bytes) -> bytes:
    with Image.open(BytesIO(image)) as decoded:
        return decoded.convert("RGBA").tobytes()


TABLE_3 = b"\x03" + b"\x01" * 64
LONG_TABLE_0 = b"\x10" + b"\x00\x01" * 64
FRAME = next(each for each in split_jpeg(CAT)[0] if each[1] == START_OF_FRAME)
WITHOUT_ROOM = {
    "a JPEG that defines the table": with_segments(CAT, segment(DQT, TABLE_3)),
    "a JPEG that defines the table after another one": with_segments(CAT, segment(DQT, LONG_TABLE_0 + TABLE_3)),
    "a JPEG that uses the table": CAT.replace(FRAME, FRAME[:-1] + b"\x03"),
    "a grey PNG": png(80, 80, pixels=True),
    "a PNG with a full palette": (paths.SAMPLES / "wine-bottle.png").read_bytes(),
}


@pytest.mark.parametrize("image", WITHOUT_ROOM.values(), ids=WITHOUT_ROOM)
def test_an_image_without_room_is_rejected(image: bytes) -> None:
    with pytest.raises(ValueError, match="Choose another image"):
        with_new_content(image)


def test_generated_images_with_other_shades_have_other_content() -> None:
    images = [png(80, 80, shade=shade, pixels=True) for shade in range(3)]
    assert len({content_hash([each]) for each in images} - {None}) == len(images)
