from pathlib import Path

import pytest

from imagescan.domain.labels import LOWEST_CONFIDENCE
from imagescan_cli import questions
from imagescan_cli.pictures import Picture, by_content, find, look_at, type_of
from imagescan_cli.questions import Question, idempotency_key, submission
from testing.images import jpeg, png


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (png()[:8], "image/png"),
        (jpeg()[:8], "image/jpeg"),
        (b"GIF89a..", None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_a_file_is(beginning: bytes, media_type: str | None) -> None:
    assert type_of(beginning) == media_type


def test_folders_are_searched_at_any_depth_by_content_and_each_file_is_found_once(tmp_path: Path) -> None:
    deep = tmp_path / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "a.txt").write_bytes(png())
    (deep / "d.jpg").write_bytes(jpeg())
    (deep / "e.jpg").write_text("no picture")
    (deep / "gone.jpg").symlink_to("nowhere")
    found = find([deep / "d.jpg", tmp_path])
    assert [picture.path for picture in found.pictures] == [deep / "d.jpg", tmp_path / "a.txt"]
    assert [picture.type for picture in found.pictures] == ["image/jpeg", "image/png"]
    assert found.others == [deep / "e.jpg", deep / "gone.jpg"]
    assert found.unreadable == []


def test_a_file_that_cannot_be_read_is_told_and_hides_no_other(tmp_path: Path) -> None:
    refused, fine = tmp_path / "a.png", tmp_path / "b.png"
    refused.write_bytes(png())
    fine.write_bytes(png())

    def look(path: Path) -> Picture | None:
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return look_at(path)

    found = find([tmp_path], look)
    assert [error.filename for error in found.unreadable] == [str(refused)]
    assert [picture.path for picture in found.pictures] == [fine]


def test_copies_of_a_picture_are_one_content() -> None:
    first, copy, other = (
        Picture(Path(name), "image/png", sha, 9) for name, sha in [("a", "1"), ("b", "1"), ("c", "2")]
    )
    assert by_content([first, other, copy]) == {"1": [first, copy], "2": [other]}


PICTURE = Picture(Path("a.jpg"), "image/jpeg", "ab" * 32, 123)


def test_a_submission_says_only_what_was_chosen() -> None:
    known = {"sha256": "ab" * 32, "size": 123, "fileType": "image/jpeg"}
    assert submission(PICTURE, Question()) == known
    assert submission(PICTURE, Question(("cat", "dog"), "all", 75, "mine")) == known | {
        "labels": ["cat", "dog"],
        "match": "all",
        "min_confidence": 75,
        "reference": "mine",
    }


def test_the_lowest_confidence_is_the_services() -> None:
    assert questions.LOWEST_CONFIDENCE == LOWEST_CONFIDENCE


def test_the_same_content_and_question_have_one_key_wherever_the_file_is() -> None:
    elsewhere = Picture(Path("/else/where.jpg"), PICTURE.type, PICTURE.sha256, PICTURE.size)
    question = Question(("cat",))
    assert idempotency_key(submission(PICTURE, question)) == idempotency_key(submission(elsewhere, question))


def test_another_question_another_content_and_a_lapsed_request_each_have_a_key_of_their_own() -> None:
    body = submission(PICTURE, Question(("cat",)))
    keys = [
        idempotency_key(body),
        idempotency_key(submission(PICTURE, Question(("dog",)))),
        idempotency_key(body | {"sha256": "cd" * 32}),
        idempotency_key(body, instead_of="r1"),
        idempotency_key(body, instead_of="r2"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 and key.isalnum() for key in keys)
