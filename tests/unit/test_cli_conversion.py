"""Conversion of images that the service does not accept. Images are real, because real decoders read them."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagescan.domain.image import MAX_SIDE, MAX_STORED_BYTES, MIN_SIDE
from imagescan_cli import conversion
from imagescan_cli.conversion import convert, planned_conversion, thumbnail
from imagescan_cli.errors import ApiError
from imagescan_cli.image_files import ImageFile, read_image_file
from testing.images import png
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService

HEIC = Path(__file__).parents[1] / "data" / "cat.heic"  # 320 x 213 pixels, made from samples/cat.jpg
RED, GREEN, WHITE = (254, 0, 0), (0, 128, 0), (255, 255, 255)
ROTATED = 6  # the EXIF orientation of an image whose first row is its right side

type Save = Callable[..., ImageFile]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Return a function that saves an image with Pillow and reads it as the command line does."""

    def save(image: Image.Image, name: str, **options: Any) -> ImageFile:
        image.save(tmp_path / name, **options)
        return read(tmp_path / name)

    return save


def read(path: Path) -> ImageFile:
    image = read_image_file(path)
    assert image
    return image


def halves(mode: str = "RGB", size: tuple[int, int] = (160, 100)) -> Image.Image:
    """Return an image whose left half is red and whose right half is green."""
    image = Image.new("RGB", size, "green")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def opened(image: ImageFile) -> Image.Image:
    assert image.content
    result = Image.open(image.content)
    result.load()
    return result


def is_close(color: Any, expected: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(color, expected, strict=True))


def test_limits_are_those_of_the_service() -> None:
    limits = (conversion.MAX_BYTES, conversion.MAX_SIDE, conversion.MIN_SIDE)
    assert limits == (MAX_STORED_BYTES, MAX_SIDE, MIN_SIDE)


@pytest.mark.parametrize(
    ("name", "format_name"), [("a.webp", "WebP"), ("a.avif", "AVIF"), ("a.gif", "GIF"), ("misnamed.jpg", "WebP")]
)
def test_other_formats_are_converted_to_jpeg(save: Save, tmp_path: Path, name: str, format_name: str) -> None:
    image = save(halves(), name, format=format_name.upper())
    before = image.path.read_bytes()
    converted = convert(image, tmp_path, with_thumbnail=False).image
    assert (converted.path, converted.type, converted.conversion) == (
        image.path,
        "image/jpeg",
        f"{format_name} converted to JPEG",
    )
    assert converted.content
    content = converted.content.read_bytes()
    assert (converted.sha256, converted.size) == (hashlib.sha256(content).hexdigest(), len(content))
    result = opened(converted)
    assert (result.format, result.size) == ("JPEG", (160, 100))
    assert is_close(result.getpixel((20, 50)), RED)
    assert is_close(result.getpixel((140, 50)), GREEN)
    assert image.path.read_bytes() == before


def test_heic_images_are_converted(tmp_path: Path) -> None:
    converted = convert(read(HEIC), tmp_path, with_thumbnail=True)
    assert (converted.image.conversion, opened(converted.image).size) == ("HEIC converted to JPEG", (320, 213))
    assert converted.thumbnail


def test_conversion_is_repeatable_so_that_a_rerun_finds_its_requests(save: Save, tmp_path: Path) -> None:
    image = save(halves(), "a.webp")
    hashes = {convert(image, tmp_path, with_thumbnail=False).image.sha256 for _ in range(2)}
    assert len(hashes) == 1


def test_first_frame_of_an_animation_is_converted_and_the_number_of_frames_is_stated(
    save: Save, tmp_path: Path
) -> None:
    image = save(halves(), "a.gif", save_all=True, append_images=[Image.new("RGB", (160, 100), "blue")] * 1)
    converted = convert(image, tmp_path, with_thumbnail=False).image
    assert converted.conversion == "GIF converted to JPEG, only 1 of 2 frames"
    assert is_close(opened(converted).getpixel((20, 50)), RED)


def test_transparent_pixels_become_white(save: Save, tmp_path: Path) -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    converted = convert(save(image, "a.webp", lossless=True), tmp_path, with_thumbnail=False).image
    assert opened(converted).getpixel((50, 50)) == WHITE


def test_converted_image_is_upright_and_has_no_metadata_except_its_colour_profile(save: Save, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = ROTATED, "made at home"
    image = save(halves(), "a.webp", exif=exif, icc_profile=b"profile")
    result = opened(convert(image, tmp_path, with_thumbnail=False).image)
    assert (result.size, [*result.getexif()], result.info["icc_profile"]) == ((100, 160), [], b"profile")
    assert is_close(result.getpixel((50, 20)), RED)


def test_too_many_pixels_are_scaled_down_and_the_note_states_both_sizes(save: Save, tmp_path: Path) -> None:
    image = save(halves(size=(MAX_SIDE + 2000, 240)), "a.jpg")
    assert planned_conversion(image) == "12,000 x 240 pixels are more than 10,000 per side"
    converted = convert(image, tmp_path, with_thumbnail=False).image
    assert opened(converted).size == (MAX_SIDE, 200)
    assert converted.conversion == "JPEG compressed again, scaled from 12,000 x 240 to 10,000 x 200 pixels"
    assert planned_conversion(read(converted.content or Path())) is None


def test_too_many_bytes_are_compressed_until_they_fit(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "MAX_BYTES", 20_000)  # 15 MB would make the test slow
    image = save(Image.effect_noise((400, 300), 100), "a.png")
    assert planned_conversion(image) == f"{image.size:,} bytes are more than 20,000"
    converted = convert(image, tmp_path, with_thumbnail=False).image
    assert converted.size <= 20_000
    assert converted.conversion
    assert converted.conversion.startswith("PNG converted to JPEG, scaled from 400 x 300 to ")


def test_image_that_would_become_too_narrow_is_a_failure(save: Save, tmp_path: Path) -> None:
    image = save(halves(size=(30_000, 200)), "a.png")
    with pytest.raises(ApiError, match="the short side would have fewer than 80 pixels") as failure:
        convert(image, tmp_path, with_thumbnail=False)
    assert failure.value.code == "conversion_failed"


def test_image_with_too_many_pixels_is_not_decoded(save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "MAX_PIXELS", 1000)
    with pytest.raises(ApiError, match=r"16,000 pixels. The maximum is 1,000"):
        convert(save(halves(), "a.webp"), tmp_path, with_thumbnail=False)


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "CMYK", "RGBA"])
def test_every_pixel_format_can_be_converted(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(conversion, "MAX_SIDE", 144)
    image = Image.new("I;16", (160, 100), 0x8000) if mode == "I;16" else Image.new("L", (160, 100), 128).convert(mode)
    saved = save(image, "a.jpg" if mode == "CMYK" else "a.png")
    result = opened(convert(saved, tmp_path, with_thumbnail=False).image)
    assert (result.size, is_close(result.convert("RGB").getpixel((10, 10)), (128, 128, 128))) == ((144, 90), True)


def test_corrupt_image_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF\x24\0\0\0WEBPVP8 nothing")
    with pytest.raises(ApiError, match="Cannot convert this WebP image") as failure:
        convert(read(path), tmp_path, with_thumbnail=True)
    assert failure.value.code == "conversion_failed"


def test_file_that_disappeared_is_unreadable(save: Save, tmp_path: Path) -> None:
    image = save(halves(), "a.webp")
    image.path.unlink()
    with pytest.raises(ApiError, match="No such file or directory") as failure:
        convert(image, tmp_path, with_thumbnail=False)
    assert failure.value.code == "unreadable"


def test_copy_that_cannot_be_written_is_a_failure_of_its_image(save: Save, tmp_path: Path) -> None:
    image = save(halves(), "a.webp")
    (tmp_path / f"{image.sha256}.jpg").symlink_to("/dev/full")
    with pytest.raises(ApiError, match=r"Cannot write the converted image to .*: No space left on device") as failure:
        convert(image, tmp_path, with_thumbnail=False)
    assert failure.value.code == "conversion_failed"


def test_accepted_image_is_not_converted_even_if_it_is_corrupt(save: Save, tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    for image in (save(halves(), "a.png"), save(halves(), "a.jpg"), read(tmp_path / "b.jpg")):
        assert planned_conversion(image) is None


def test_missing_heic_decoder_names_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['pi_heif'] = None\n"
        "from pathlib import Path\n"
        "from imagescan_cli.conversion import convert\n"
        "from imagescan_cli.errors import ApiError\n"
        "from imagescan_cli.image_files import read_image_file\n"
        "try: convert(read_image_file(Path(sys.argv[1])), Path(sys.argv[2]), with_thumbnail=False)\n"
        "except ApiError as error: print(error.code, error.message)\n"
    )
    command = [sys.executable, "-c", program, str(HEIC), str(tmp_path)]
    done = subprocess.run(command, env={"PYTHONPATH": "cli"}, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.startswith("conversion_unavailable ")
    assert "install './cli[heic]'" in done.stdout


def test_thumbnail_applies_the_orientation_of_jpeg_images_only_as_rekognition_does(save: Save) -> None:
    exif = Image.Exif()
    exif[0x0112] = ROTATED
    for name, size in (("a.jpg", (300, 480)), ("a.png", (480, 300))):
        small = thumbnail(save(halves(size=(1600, 1000)), name, exif=exif))
        assert small
        assert Image.open(BytesIO(small)).size == size


def test_image_that_cannot_be_decoded_has_no_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())  # a header without pixels
    assert thumbnail(read(tmp_path / "a.png")) is None


@pytest.mark.enable_socket
def test_results_and_summary_state_which_files_were_converted(
    run: Run, service: FakeService, save: Save, tmp_path: Path
) -> None:
    save(halves(), "b.webp")
    (tmp_path / "a.png").write_bytes(png() + b"cat")
    result = run("submit", tmp_path / "a.png", tmp_path / "b.webp", "--wait")
    assert f"{tmp_path / 'b.webp'} (WebP converted to JPEG): No. [" in result.stdout
    assert f"{tmp_path / 'a.png'}: Yes. [" in result.stdout
    assert result.stderr.endswith("2 images: 1 yes, 1 no; 2 uploaded, 1 converted.\n")
    stored = {Image.open(BytesIO(content)).format for content in service.images.values()}
    assert stored == {"PNG", "JPEG"}
    converted = [each for each in lines(run("submit", tmp_path, "--wait", "--json")) if "conversion" in each]
    assert [(Path(each["path"]).name, each["conversion"]) for each in converted] == [
        ("b.webp", "WebP converted to JPEG")
    ]
    assert service.uploads == 2


@pytest.mark.enable_socket
def test_failed_conversion_fails_that_image_only_and_sends_nothing(
    run: Run, service: FakeService, save: Save, tmp_path: Path
) -> None:
    save(halves(), "good.webp")
    (tmp_path / "bad.webp").write_bytes(b"RIFF\x24\0\0\0WEBPVP8 nothing")
    result = run("submit", tmp_path, "--wait", "--json", "--exclude", "config.toml")
    codes = {Path(each["path"]).name: (each["failure"] or {}).get("code") for each in lines(result)}
    assert (result.exit_code, codes, len(service.images)) == (
        3,
        {"good.webp": None, "bad.webp": "conversion_failed"},
        1,
    )


@pytest.mark.enable_socket
def test_converted_copies_are_deleted(run: Run, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    image = save(halves(), "a.webp")
    assert run("submit", image.path).exit_code == 0
    assert [*folder.iterdir()] == []
