"""``imagescan submit --remove-metadata``, against a fake service over HTTP."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from imagescan_cli.clean_files import read_clean_file, read_content
from imagescan_cli.errors import ApiError
from imagescan_cli.image_files import ImageFile, read_image_file
from imagescan_cli.metadata import remove_metadata
from tests.unit.cli_runs import Run, lines
from tests.unit.cli_service import FakeService
from tests.unit.metadata_cases import SECRET, oriented

pytestmark = pytest.mark.enable_socket  # the fake service listens on the loopback interface

REASON = "the file contains EXIF data twice"
REJECTED = f"Cannot remove metadata: {REASON}. Submit the image with --keep-metadata, or save it again."


def photo(*segments: bytes, shade: int = 0) -> bytes:
    """Return a JPEG with these segments."""
    buffer = BytesIO()
    Image.new("RGB", (100, 90), (shade, 0, 0)).save(buffer, "JPEG")
    return b"\xff\xd8" + b"".join(segments) + buffer.getvalue()[2:]


def saved(path: Path, content: bytes) -> ImageFile:
    path.write_bytes(content)
    image = read_clean_file(path)
    assert image
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images: two that differ in their metadata only, one without metadata, and one that is ambiguous."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo(oriented(6)))
    (folder / "b.jpg").write_bytes(photo(oriented(6, "little")) + SECRET)
    (folder / "c.jpg").write_bytes(photo(shade=200))
    (folder / "d.jpg").write_bytes(photo(oriented(6), oriented(3)))
    return folder


def test_service_receives_the_images_without_metadata_and_the_files_are_not_changed(
    run: Run, folder: Path, service: FakeService
) -> None:
    before = {each: each.read_bytes() for each in folder.iterdir()}
    run("submit", folder, "--remove-metadata")
    expected = [remove_metadata(before[folder / name]) for name in ("a.jpg", "c.jpg")]
    assert service.images == {hashlib.sha256(content).hexdigest(): content for content in expected}
    assert not any(SECRET in content for content in service.images.values())
    assert {each: each.read_bytes() for each in folder.iterdir()} == before


def test_service_receives_the_files_unchanged_without_the_option(run: Run, folder: Path, service: FakeService) -> None:
    run("submit", folder)
    assert {*service.images.values()} == {each.read_bytes() for each in folder.iterdir()}


def test_copies_that_differ_in_their_metadata_are_submitted_once(run: Run, folder: Path, service: FakeService) -> None:
    result = run("submit", folder / "a.jpg", folder / "b.jpg", "--remove-metadata", "--json")
    assert len({each["request_id"] for each in lines(result)}) == service.uploads == 1


def test_repeated_run_finds_its_requests(run: Run, folder: Path, service: FakeService) -> None:
    first, second = (lines(run("submit", folder / "a.jpg", "--remove-metadata", "--json"))[0] for _ in range(2))
    assert (first["request_id"], service.uploads) == (second["request_id"], 1)


def test_ambiguous_image_fails_and_the_others_are_submitted(run: Run, folder: Path, service: FakeService) -> None:
    result = run("submit", folder, "--remove-metadata", "--json")
    failed = [each for each in lines(result) if each["status"] == "failed"]
    assert [(each["path"], each["failure"]) for each in failed] == [
        (str(folder / "d.jpg"), {"code": "metadata_not_removed", "message": REJECTED})
    ]
    assert (result.exit_code, service.uploads) == (3, 2)


def test_ambiguous_image_alone_fails_without_a_submission(run: Run, folder: Path, service: FakeService) -> None:
    result = run("submit", folder / "d.jpg", "--remove-metadata", "--wait")
    assert (result.exit_code, service.images) == (3, {})
    assert f"Failed: {folder / 'd.jpg'}: {REJECTED}\n" in result.stdout


def test_summary_counts_the_images_whose_metadata_was_removed(run: Run, folder: Path) -> None:
    result = run("submit", folder, "--remove-metadata", "--wait")
    assert result.stderr.endswith("4 images: 3 no, 1 failed; 2 uploaded, metadata removed from 2.\n")
    assert "metadata" not in run("submit", folder / "c.jpg", "--remove-metadata", "--wait").stderr


def test_dry_run_states_which_metadata_would_be_removed_and_fails_for_an_ambiguous_image(
    run: Run, folder: Path
) -> None:
    result = run("submit", folder, "--remove-metadata", "--dry-run")
    sizes = [len(remove_metadata((folder / name).read_bytes())) for name in ("a.jpg", "c.jpg")]
    assert result.stdout == (
        f"Failed: {folder / 'd.jpg'}: {REJECTED}\n"
        f"{folder / 'a.jpg'}: Would be submitted without its metadata (image/jpeg, {sizes[0]} bytes).\n"
        f"{folder / 'b.jpg'}: Would not be sent again, because it is identical to {folder / 'a.jpg'}.\n"
        f"{folder / 'c.jpg'}: Would be submitted (image/jpeg, {sizes[1]} bytes).\n"
    )
    assert result.exit_code == 3


@pytest.mark.parametrize(("option", "is_removed"), [([], True), (["--keep-metadata"], False)])
def test_configuration_file_sets_the_default_and_an_option_takes_precedence(
    run: Run, folder: Path, service: FakeService, option: list[str], is_removed: bool
) -> None:
    (folder / "config.toml").write_text("remove_metadata = true")
    run("submit", folder / "a.jpg", *option, "--config", folder / "config.toml")
    [sent] = service.images.values()
    assert (SECRET not in sent) is is_removed


def test_converted_images_are_not_cleaned_because_they_have_no_metadata(
    run: Run, tmp_path: Path, service: FakeService
) -> None:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    Image.new("RGB", (100, 90)).save(tmp_path / "a.webp", exif=exif)
    # An image that is too large is converted, so its structure does not matter.
    Image.new("L", (12_000, 100)).save(tmp_path / "wide.jpg")
    wide = (tmp_path / "wide.jpg").read_bytes()
    (tmp_path / "wide.jpg").write_bytes(wide[:2] + oriented(1) + oriented(1) + wide[2:])
    result = run("submit", tmp_path / "a.webp", tmp_path / "wide.jpg", "--remove-metadata", "--wait")
    assert result.stderr.endswith("2 images: 2 no; 2 uploaded, 2 converted.\n")
    assert not any(SECRET in content for content in service.images.values())


def test_image_without_metadata_is_read_as_without_the_option(tmp_path: Path) -> None:
    image = saved(tmp_path / "a.jpg", photo())
    assert image == read_image_file(tmp_path / "a.jpg")


def test_file_that_is_not_an_image_is_not_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    assert read_clean_file(tmp_path / "a.txt") is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Path.unlink, "unreadable"),
        (lambda path: path.write_bytes(photo(oriented(6), oriented(6))), "metadata_not_removed"),
    ],
)
def test_file_that_changes_before_its_upload_fails(tmp_path: Path, change: object, code: str) -> None:
    image = saved(tmp_path / "a.jpg", photo(oriented(6)))
    assert image.is_cleaned
    assert read_content(image) == remove_metadata(image.path.read_bytes())
    assert callable(change)
    change(image.path)
    with pytest.raises(ApiError) as failure:
        read_content(image)
    assert failure.value.code == code
