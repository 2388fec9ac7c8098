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
from imagescan_cli.features import Feature
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


def scanned(
    *, moderation: str | None = "Alcohol", text: str | None = "BIG SALE", status: str = "completed"
) -> RequestJson:
    """Return a request without a question that found this moderation label and this line of text."""
    labels = [{"name": moderation, "confidence": 91.53, "parents": [], "taxonomy_level": 1}] if moderation else []
    found = [{"text": text, "confidence": 99.12, "box": BOX, "words": []}] if text else []
    return {
        "request_id": "r3",
        "status": status,
        "label_matched": None,
        "message": "The image was scanned for moderation and text.",
        "features": ["moderation", "text"],
        "match": None,
        "results": [],
        "labels": [],
        "moderation": {"labels": labels, "model_version": "7.0"},
        "text": {"lines": found, "model_version": "3.0"},
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


def test_report_shows_the_findings_of_all_features_that_the_image_was_scanned_for() -> None:
    page = report(ImageResult(Path("a.png"), scanned() | {"features": ["labels", "moderation", "text"]}))
    for text in ("Labels: none", "Moderation: Alcohol 92%", 'Text: "BIG SALE" 99%'):
        assert text in page.text
    page = report(ImageResult(Path("a.png"), scanned(moderation=None, text=None)))
    assert "Moderation: none" in page.text
    assert "Text: none" in page.text
    assert "Labels" not in page.text


def test_report_shows_no_findings_of_an_image_that_was_not_scanned_yet() -> None:
    page = report(ImageResult(Path("a.png"), scanned(moderation=None, text=None, status="pending")))
    assert "Pending (1)" in page.text
    assert "Moderation: " not in page.text
    assert "Text: " not in page.text


def test_report_limits_the_findings_of_a_feature_and_counts_the_others() -> None:
    found = [{"text": f"line {at}", "confidence": 99.0} for at in range(20)]
    page = report(ImageResult(Path("a.png"), scanned() | {"text": {"lines": found, "model_version": "3.0"}}))
    assert '"line 7" 99% and 12 more' in page.text


def test_report_draws_the_box_of_a_text_that_was_found() -> None:
    match = {"label": "BIG SALE", "confidence": 99.12, "matched_by": "text", "boxes": [BOX]}
    results = [{"feature": "text", "label": "sale", "matched": True, "match": match, "closest_labels": []}]
    result = scanned(moderation=None) | {"label_matched": True, "match": match, "results": results}
    page = report(ImageResult(Path("a.png"), result, None, b"jpeg"), question=Question(text=("sale",)))
    [box] = [each for each in page.named("span") if each.get("class") == "box"]
    assert box["title"] == "BIG SALE"
    assert "Scan results: text:sale" in page.text


@pytest.mark.parametrize(
    ("question", "title"),
    [
        (Question(("cat",), moderation=("*",), text=("a, b",)), "Scan results: cat, moderation:any, text:a, b"),
        (Question(("cat",), text=("sale",), match_mode="all"), "Scan results: cat, text:sale (all of them)"),
        (Question(text=("sale",), match_mode="all"), "Scan results: text:sale"),
        (Question(features=(Feature.TEXT,)), "Scan results"),
    ],
)
def test_title_of_the_report_names_what_was_asked(question: Question, title: str) -> None:
    page = format_report([], question, RunDetails("https://api.example.com", NOW))
    assert f"<h1>{title}</h1>" in page


def test_image_with_moderation_labels_is_blurred_until_its_checkbox_is_checked() -> None:
    page = report(ImageResult(Path("photos/bar.png"), scanned(), None, b"jpeg"))
    [figure] = page.named("figure")
    assert figure["class"] == "sensitive"
    [checkbox] = page.named("input")
    assert (checkbox["type"], "checked" in checkbox) == ("checkbox", False)
    assert checkbox["aria-label"] == "Show photos/bar.png, an image with moderation labels"
    assert [tag for tag, _ in page.elements].index("input") < [tag for tag, _ in page.elements].index("img")
    assert ".sensitive input:not(:checked) ~ .image { filter: blur(1.5rem); }" in page.text
    assert page.named("script") == []


def test_image_of_a_failed_request_is_blurred_if_moderation_labels_were_found() -> None:
    failed = scanned() | {"status": "failed", "failure": {"code": "timed_out", "message": "Feature 'text': Too late."}}
    page = report(ImageResult(Path("bar.png"), failed, None, b"jpeg"))
    assert [each.get("class") for each in page.named("figure")] == ["sensitive"]


@pytest.mark.parametrize("result", [scanned(moderation=None), completed()])
def test_image_without_moderation_labels_is_not_blurred(result: RequestJson) -> None:
    page = report(ImageResult(Path("a.png"), result, None, b"jpeg"))
    assert [each.get("class") for each in page.named("figure")] == [None]
    assert page.named("input") == []


def test_report_groups_images_by_verdict_and_never_shows_a_failure_as_a_no() -> None:
    failed = failed_request("image_invalid", "The image cannot be read.")
    page = report(
        ImageResult(Path("c.png"), failed),
        ImageResult(Path("b.png"), completed(matched=False, message="No: it does not.")),
        ImageResult(Path("a.png"), completed()),
        ImageResult(Path("d.png"), {"request_id": "r2", "status": "pending", "message": "Waiting."}),
        ImageResult(Path("e.png"), scanned()),
    )
    assert "5 images: 1 yes, 1 no, 1 scanned, 1 failed, 1 pending" in page.text
    headings = ["Yes (1)", "No (1)", "Scanned (1)", "Failed (1)", "Pending (1)"]
    assert sorted(headings, key=page.text.index) == headings
    assert page.text.index("Failed (1)") < page.text.index("Failed: The image cannot be read.")
    assert page.named("img") == []


@pytest.mark.parametrize(
    "place", ["path", "label", "moderation", "text", "message", "conversion", "request_id", "question"]
)
def test_report_escapes_all_text(place: str) -> None:
    result = completed(label=ATTACK if place == "label" else "Cat", message=ATTACK if place == "message" else "No.")
    result |= {"request_id": ATTACK} if place == "request_id" else {}
    result |= scanned(moderation=ATTACK) if place == "moderation" else {}
    result |= scanned(text=ATTACK[:58]) if place == "text" else {}
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
        "features": "",
        "moderation": "",
        "text": "",
    }
    assert (second["verdict"], second["failure_code"]) == ("failed", "image_invalid")


@pytest.mark.parametrize("text", FORMULAS)
def test_cells_cannot_start_a_formula(text: str) -> None:
    [row] = table(ImageResult(Path(f"{text}.png"), completed(label=text, message=text), text))
    for column in ("path", "message", "matched_label", "conversion", "labels"):
        assert row[column].startswith("'")
    assert row["path"] == f"'{text}.png"


@pytest.mark.parametrize("text", FORMULAS)
def test_moderation_labels_and_text_cannot_start_a_formula(text: str) -> None:
    [row] = table(ImageResult(Path("a.png"), scanned(moderation=text, text=text)))
    assert (row["moderation"], row["text"]) == (f"'{text} 91.5%", f"'{text} 99.1%")


def test_table_contains_all_findings_and_the_features_that_the_image_was_scanned_for() -> None:
    found = [{"text": f"line {at}", "confidence": 99.0} for at in range(20)]
    lines = {"lines": found, "model_version": "3.0"}
    first, second = table(
        ImageResult(Path("a.png"), scanned() | {"text": lines}), ImageResult(Path("b.png"), scanned(moderation=None))
    )
    assert (first["verdict"], first["features"], first["moderation"]) == (
        "scanned",
        "moderation; text",
        "Alcohol 91.5%",
    )
    assert first["text"].count("; ") == 19
    assert (second["features"], second["moderation"]) == ("moderation; text", "")


def test_columns_of_earlier_versions_keep_their_places() -> None:
    header = format_csv([]).strip().split(",")
    assert header[:3] + header[9:] == ["path", "verdict", "message", "image_hash", "features", "moderation", "text"]


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
