"""The HTML report and the CSV table. File names and labels are untrusted."""

import csv
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagescan_cli.batch import ImageResult
from imagescan_cli.conversion import thumbnail
from imagescan_cli.csv_export import format_csv
from imagescan_cli.image_files import read_image_file
from imagescan_cli.questions import Question
from imagescan_cli.report import RunDetails, format_report
from imagescan_cli.schemas import RequestJson, failed_request
from testing.images import png
from tests.unit.cli_runs import Run
from tests.unit.cli_service import FakeService

NOW = datetime(2026, 11, 27, 3, 1, tzinfo=UTC)
ATTACK = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'&amp;"
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1"]
BOX = {"left": 0.1, "top": 0.2, "width": 0.5, "height": 0.25, "confidence": 90}


def completed(*, label: str = "Cat", matched: bool = True, message: str = "Yes: it does.") -> RequestJson:
    match = {"label": label, "confidence": 98.6642, "matched_by": "name", "boxes": [BOX]} if matched else None
    return {
        "request_id": "r1",
        "status": "completed",
        "label_matched": matched,
        "message": message,
        "match": match,
        "results": [{"label": label, "matched": matched, "match": match}],
        "labels": [{"name": label, "confidence": 98.6642}],
        "failure": None,
        "image_hash": "ab",
    }


class Page(HTMLParser):
    """The elements, their attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report(*results: ImageResult, question: Question | None = None) -> Page:
    asked = question or Question(("cat",))
    return Page(format_report(results, asked, RunDetails("https://me:secret@api.example.com", NOW, skipped=3)))


def table(*results: ImageResult) -> list[dict[str, Any]]:
    return [*csv.DictReader(StringIO(format_csv(results)))]


def test_report_shows_thumbnail_verdict_conversion_and_boxes() -> None:
    page = report(ImageResult(Path("photos/cat.heic"), completed(), "HEIC converted to JPEG", b"jpeg"))
    assert page.named("img") == [{"alt": "", "src": "data:image/jpeg;base64,anBlZw=="}]
    [box] = [each for each in page.named("span") if each.get("class") == "box"]
    assert box["style"] == "left:10.00%;top:20.00%;width:50.00%;height:25.00%"
    for text in (
        "Scan results: cat",
        "1 image: 1 yes",
        "with api.example.com.",
        "Skipped files: 3.",
        "HEIC converted to JPEG",
        "Cat 99%",
        "r1",
    ):
        assert text in page.text
    assert "photos/cat.heic" in page.text
    assert "secret" not in page.text
    assert "Yes: it does." in page.text


def test_labels_of_boxes_with_the_same_corner_do_not_overlap() -> None:
    result = completed()
    [cat] = result["results"]
    dog = {**cat, "label": "dog", "match": {**cat["match"], "label": "Dog"}}
    page = report(ImageResult(Path("a.png"), result | {"results": [cat, dog]}, None, b"jpeg"))
    captions = [each["style"] for each in page.named("span") if (each.get("style") or "").startswith("top")]
    assert captions == ["top:0rem", "top:1.2rem"]
    assert "Cat" in page.text
    assert "Dog" in page.text


def test_report_groups_images_by_verdict_and_never_shows_a_failure_as_a_no() -> None:
    failed = failed_request("image_invalid", "The image cannot be read.")
    page = report(
        ImageResult(Path("c.png"), failed),
        ImageResult(Path("b.png"), completed(matched=False, message="No: it does not.")),
        ImageResult(Path("a.png"), completed()),
        ImageResult(Path("d.png"), {"request_id": "r2", "status": "pending", "message": "Waiting."}),
    )
    assert "4 images: 1 yes, 1 no, 1 failed, 1 pending" in page.text
    headings = ["Yes (1)", "No (1)", "Failed (1)", "Pending (1)"]
    assert sorted(headings, key=page.text.index) == headings
    assert page.text.index("Failed (1)") < page.text.index("Failed: The image cannot be read.")
    assert page.named("img") == []


@pytest.mark.parametrize("place", ["path", "label", "message", "conversion", "request_id", "question"])
def test_report_escapes_all_text(place: str) -> None:
    result = completed(label=ATTACK if place == "label" else "Cat", message=ATTACK if place == "message" else "No.")
    result |= {"request_id": ATTACK} if place == "request_id" else {}
    path = Path(f"photos/{ATTACK.replace('/', '')}" if place == "path" else "a.png")
    each = ImageResult(path, result, ATTACK if place == "conversion" else None, b"jpeg")
    page = report(each, question=Question((ATTACK,)) if place == "question" else None)
    assert page.named("script") == []
    assert [image["src"] for image in page.named("img")] == ["data:image/jpeg;base64,anBlZw=="]
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "alert(1)" in page.text


def test_report_is_self_contained_and_forbids_scripts() -> None:
    page = report(ImageResult(Path("a.png"), completed(), None, b"jpeg"))
    [policy] = [each["content"] for each in page.named("meta") if "http-equiv" in each]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not page.named("link")
    assert not page.named("a")
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_table_has_one_row_per_image() -> None:
    failed = failed_request("image_invalid", "The image cannot be read.", "r2")
    first, second = table(
        ImageResult(Path("a, b.png"), completed(), "GIF converted to JPEG"), ImageResult(Path("c.png"), failed)
    )
    assert first == {
        "path": "a, b.png",
        "verdict": "yes",
        "message": "Yes: it does.",
        "matched_label": "Cat",
        "confidence": "98.6642",
        "labels": "Cat 98.7%",
        "conversion": "GIF converted to JPEG",
        "failure_code": "",
        "request_id": "r1",
        "image_hash": "ab",
    }
    assert (second["verdict"], second["failure_code"]) == ("failed", "image_invalid")


@pytest.mark.parametrize("text", FORMULAS)
def test_cells_cannot_start_a_formula(text: str) -> None:
    [row] = table(ImageResult(Path(f"{text}.png"), completed(label=text, message=text), text))
    for column in ("path", "message", "matched_label", "conversion", "labels"):
        assert row[column].startswith("'")
    assert row["path"] == f"'{text}.png"


def test_harmless_cells_are_unchanged() -> None:
    [row] = table(ImageResult(Path("a-b=c@d.png"), completed()))
    assert row["path"] == "a-b=c@d.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (120, 100), "red").save(folder / "real.png")
    (folder / "<b>cat.png").write_bytes(png() + b"cat")
    (folder / "=cat.png").write_bytes(png() + b"cat")
    return folder


@pytest.mark.enable_socket
def test_submit_waits_and_writes_both_files(run: Run, folder: Path, tmp_path: Path, service: FakeService) -> None:
    page_file, table_file = tmp_path / "out.html", tmp_path / "out.csv"
    result = run("submit", folder, "--label", "cat", "--report", page_file, "--csv", table_file)
    assert (result.exit_code, service.uploads) == (0, 2)
    assert result.stderr.endswith(f"Wrote {page_file}.\nWrote {table_file}.\n")
    page = Page(page_file.read_text())
    assert "3 images: 2 yes, 1 no" in page.text
    [image] = page.named("img")  # the two cats have no pixels
    assert (image["src"] or "").startswith("data:image/jpeg;base64,/9j/")
    assert page.named("b") == []
    assert table_file.read_bytes().startswith(b"\xef\xbb\xbfpath,verdict,")
    rows = [*csv.DictReader(StringIO(table_file.read_text(encoding="utf-8-sig")))]
    assert {Path(row["path"]).name: row["verdict"] for row in rows} == {
        "=cat.png": "yes",
        "<b>cat.png": "yes",
        "real.png": "no",
    }
    assert all(row["labels"] == "Cat 98.7%" for row in rows)


@pytest.mark.enable_socket
def test_file_that_cannot_be_written_is_a_failure(run: Run, folder: Path) -> None:
    file = Path("/dev/full")
    result = run("submit", folder, "--csv", file)
    assert (result.exit_code, f"Cannot write {file}: No space left on device." in result.stderr) == (3, True)


def test_thumbnails_are_small_jpeg_images(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1000)).save(tmp_path / "a.png")
    image = read_image_file(tmp_path / "a.png")
    assert image
    small = thumbnail(image)
    assert small
    assert Image.open(BytesIO(small)).size == (480, 240)
