from pathlib import Path

import pytest

from imagescan.domain.labels import LOWEST_CONFIDENCE
from imagescan_cli import questions
from imagescan_cli.image_files import ImageFile, detect_type, find_images, group_by_content, read_image_file
from imagescan_cli.questions import Question, idempotency_key, submit_body
from testing.images import jpeg, png


@pytest.mark.parametrize(
    ("prefix", "media_type"),
    [
        (png()[:8], "image/png"),
        (jpeg()[:8], "image/jpeg"),
        (b"GIF89a..", None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_type_is_detected_from_the_first_bytes(prefix: bytes, media_type: str | None) -> None:
    assert detect_type(prefix) == media_type


def test_directories_are_searched_recursively_by_content_and_each_file_is_found_once(tmp_path: Path) -> None:
    deep = tmp_path / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "a.txt").write_bytes(png())
    (deep / "d.jpg").write_bytes(jpeg())
    (deep / "e.jpg").write_text("not an image")
    (deep / "gone.jpg").symlink_to("nowhere")
    found = find_images([deep / "d.jpg", tmp_path])
    assert [image.path for image in found.images] == [deep / "d.jpg", tmp_path / "a.txt"]
    assert [image.type for image in found.images] == ["image/jpeg", "image/png"]
    assert found.skipped == [deep / "e.jpg", deep / "gone.jpg"]
    assert found.unreadable == []


def test_unreadable_file_is_reported_and_does_not_hide_others(tmp_path: Path) -> None:
    denied, readable = tmp_path / "a.png", tmp_path / "b.png"
    denied.write_bytes(png())
    readable.write_bytes(png())

    def read(path: Path) -> ImageFile | None:
        if path == denied:
            raise PermissionError(13, "Permission denied", str(path))
        return read_image_file(path)

    found = find_images([tmp_path], read)
    assert [error.filename for error in found.unreadable] == [str(denied)]
    assert [image.path for image in found.images] == [readable]


def test_copies_of_an_image_form_one_group() -> None:
    first, copy, other = (
        ImageFile(Path(name), "image/png", sha, 9) for name, sha in [("a", "1"), ("b", "1"), ("c", "2")]
    )
    assert group_by_content([first, other, copy]) == {"1": [first, copy], "2": [other]}


IMAGE = ImageFile(Path("a.jpg"), "image/jpeg", "ab" * 32, 123)


def test_submit_body_contains_only_what_is_set() -> None:
    required = {"sha256": "ab" * 32, "size": 123, "fileType": "image/jpeg"}
    assert submit_body(IMAGE, Question()) == required
    assert submit_body(IMAGE, Question(("cat", "dog"), "all", 75, "mine")) == required | {
        "labels": ["cat", "dog"],
        "match_mode": "all",
        "min_confidence": 75,
        "reference": "mine",
    }


def test_lowest_confidence_equals_that_of_the_service() -> None:
    assert questions.LOWEST_CONFIDENCE == LOWEST_CONFIDENCE


def test_idempotency_key_does_not_depend_on_the_path() -> None:
    other_path = ImageFile(Path("/else/where.jpg"), IMAGE.type, IMAGE.sha256, IMAGE.size)
    question = Question(("cat",))
    assert idempotency_key(submit_body(IMAGE, question)) == idempotency_key(submit_body(other_path, question))


def test_idempotency_key_depends_on_question_content_and_replaced_request() -> None:
    body = submit_body(IMAGE, Question(("cat",)))
    keys = [
        idempotency_key(body),
        idempotency_key(submit_body(IMAGE, Question(("dog",)))),
        idempotency_key(body | {"sha256": "cd" * 32}),
        idempotency_key(body, replaces="r1"),
        idempotency_key(body, replaces="r2"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 and key.isalnum() for key in keys)
