from pathlib import Path

import pytest

from imagescan.api.request_models import MAX_LABELS
from imagescan.domain import feature as domain_feature
from imagescan.domain import match
from imagescan.domain.labels import LOWEST_CONFIDENCE, MAX_LABEL_LENGTH
from imagescan_cli import questions
from imagescan_cli.features import ANY_MODERATION_LABEL, Feature
from imagescan_cli.image_files import (
    ImageFile,
    Selection,
    Skipped,
    SkipReason,
    detect_type,
    find_images,
    group_by_content,
    read_image_file,
    split_paths,
)
from imagescan_cli.questions import (
    Question,
    idempotency_key,
    reference_from_path,
    split_names,
    submit_body,
)
from testing.images import jpeg, png


@pytest.mark.parametrize(
    ("prefix", "media_type"),
    [
        (png()[:8], "image/png"),
        (jpeg()[:8], "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "image/heic"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf", "image/avif"),
        (b"\0\0\0\x14ftypmp42\0\0\0\0isomheic", None),  # a video, with other bytes after the box
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
    assert found.skipped == [
        Skipped(deep / "e.jpg", SkipReason.NOT_AN_IMAGE),
        Skipped(deep / "gone.jpg", SkipReason.NOT_REGULAR),
    ]
    assert found.failed == []


def test_unreadable_file_is_reported_and_does_not_hide_others(tmp_path: Path) -> None:
    denied, readable = tmp_path / "a.png", tmp_path / "b.png"
    denied.write_bytes(png())
    readable.write_bytes(png())

    def read(path: Path) -> ImageFile | None:
        if path == denied:
            raise PermissionError(13, "Permission denied", str(path))
        return read_image_file(path)

    found = find_images([tmp_path], read)
    assert [each.path for each in found.failed] == [denied]
    assert [image.path for image in found.images] == [readable]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six images: a visible one, one in a subdirectory, two hidden ones, a thumbnail, and one in a linked directory."""
    for name in ("a.png", "raw/b.png", ".c.png", ".cache/d.png", "raw/@eaDir/e.png", "raw/old/f.png"):
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png() + name.encode())
    (tmp_path / "tree" / "empty" / ".git").mkdir(parents=True)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "tree" / "raw")
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("selection", "images", "skipped"),
    [
        (
            Selection(),
            ["a.png", "raw/b.png", "raw/old/f.png"],
            {".cache": "HIDDEN", ".c.png": "HIDDEN", "raw/@eaDir": "HIDDEN", "link": "LINK"},
        ),
        (
            Selection(include_hidden=True),
            [".c.png", "a.png", ".cache/d.png", "raw/b.png", "raw/@eaDir/e.png", "raw/old/f.png"],
            {"link": "LINK"},
        ),
        (
            Selection(include_hidden=True, exclude=("raw", ".*", "li*")),
            ["a.png"],
            {".c.png": "EXCLUDED", ".cache": "EXCLUDED", "raw": "EXCLUDED", "link": "EXCLUDED"},
        ),
        (
            Selection(exclude=("raw/*.png", "raw/**/f.*", "link", ".c*")),
            ["a.png"],
            {
                "raw/b.png": "EXCLUDED",
                "raw/old/f.png": "EXCLUDED",
                "link": "EXCLUDED",
                ".c.png": "EXCLUDED",
                ".cache": "EXCLUDED",
                "raw/@eaDir": "HIDDEN",
            },
        ),
    ],
)
def test_hidden_and_excluded_files_of_a_directory_are_skipped(
    tree: Path, selection: Selection, images: list[str], skipped: dict[str, str]
) -> None:
    found = find_images([tree], selection=selection)
    assert [image.path.relative_to(tree).as_posix() for image in found.images] == images
    assert {each.path.relative_to(tree).as_posix(): each.reason.name for each in found.skipped} == skipped


def test_files_of_a_skipped_directory_are_counted(tree: Path) -> None:
    (tree / ".cache" / "more").mkdir()
    (tree / ".cache" / "more" / "g.png").write_bytes(png())
    counts = {each.path.name: each.files for each in find_images([tree]).skipped}
    assert counts == {".cache": 2, ".c.png": 1, "@eaDir": 1, "link": 1}


def test_hidden_file_that_is_given_by_its_path_is_submitted_unless_it_is_excluded(tree: Path) -> None:
    hidden = [tree / ".c.png", tree / ".cache"]
    assert [image.path.name for image in find_images(hidden).images] == [".c.png", "d.png"]
    assert find_images(hidden[:1], selection=Selection(exclude=("*.png",))).images == []


def test_path_that_does_not_exist_is_unreadable(tmp_path: Path) -> None:
    found = find_images([tmp_path / "none.png"])
    assert [each.path for each in found.failed] == [tmp_path / "none.png"]


@pytest.mark.parametrize("text", [b"a b.png\ncaf\xe9.png\n", b"a b.png\0caf\xe9.png\0", b"a b.png\ncaf\xe9.png"])
def test_paths_are_separated_by_line_feeds_or_nul_bytes(text: bytes) -> None:
    assert split_paths(text) == [Path("a b.png"), Path("caf\udce9.png")]


def test_error_without_a_file_name_gets_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())

    def read(_path: Path) -> ImageFile | None:
        raise OSError(5, "Input/output error")

    assert [each.path for each in find_images([tmp_path], read).failed] == [tmp_path / "a.png"]


def test_copies_of_an_image_form_one_group() -> None:
    first, copy, other = (
        ImageFile(Path(name), "image/png", sha, 9) for name, sha in [("a", "1"), ("b", "1"), ("c", "2")]
    )
    assert group_by_content([first, other, copy]) == {"1": [first, copy], "2": [other]}


IMAGE = ImageFile(Path("a.jpg"), "image/jpeg", "ab" * 32, 123)


def test_submit_body_contains_only_what_is_set() -> None:
    required = {"sha256": "ab" * 32, "size": 123, "fileType": "image/jpeg"}
    assert submit_body(IMAGE, Question()) == required
    question = Question(
        ("cat", "dog"),
        moderation=("*",),
        text=("for sale",),
        features=(Feature.LABELS,),
        match_mode="all",
        min_confidence=75,
        reference="mine",
    )
    assert submit_body(IMAGE, question) == required | {
        "labels": ["cat", "dog"],
        "moderation": ["*"],
        "text": ["for sale"],
        "features": ["labels"],
        "match_mode": "all",
        "min_confidence": 75,
        "reference": "mine",
    }


def test_limits_and_features_equal_those_of_the_service() -> None:
    assert questions.LOWEST_CONFIDENCE == LOWEST_CONFIDENCE
    assert (questions.MAX_NAMES, questions.MAX_NAME_LENGTH) == (MAX_LABELS, MAX_LABEL_LENGTH)
    assert [*Feature] == [*domain_feature.Feature]
    assert ANY_MODERATION_LABEL == match.ANY_MODERATION_LABEL


@pytest.mark.parametrize(
    ("question", "needed"),
    [
        (Question(), ["labels"]),
        (Question(("cat",)), ["labels"]),
        (Question(text=("sale",)), ["text"]),
        (Question(moderation=("*",), features=(Feature.MODERATION,)), ["moderation"]),
        (Question(("cat",), text=("sale",), features=(Feature.MODERATION,)), ["labels", "moderation", "text"]),
    ],
)
def test_image_is_scanned_for_what_is_asked_or_requested_and_for_labels_by_default(
    question: Question, needed: list[str]
) -> None:
    assert question.needed_features == needed


def test_idempotency_key_does_not_depend_on_the_path_if_there_is_a_reference() -> None:
    other_path = ImageFile(Path("/else/where.jpg"), IMAGE.type, IMAGE.sha256, IMAGE.size)
    keys = {
        idempotency_key(submit_body(image, Question(("cat",), reference="mine").for_path(image.path)))
        for image in (IMAGE, other_path)
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("reference", "sent"), [(None, "photos/a.jpg"), ("mine", "mine"), ("", None)], ids=["none", "given", "empty"]
)
def test_path_is_the_reference_unless_one_is_given(reference: str | None, sent: str | None) -> None:
    question = Question(reference=reference).for_path(Path("photos/a.jpg"))
    assert question.body().get("reference") == sent


def test_reference_is_valid_unicode_of_at_most_1024_bytes_that_ends_with_the_file_name() -> None:
    assert reference_from_path(Path("caf\udce9.jpg")) == "caf\ufffd.jpg"
    exact = Path("a" * 1024)
    assert reference_from_path(exact) == str(exact)
    shortened = reference_from_path(Path("\u00e9" * 600 + "/cat.jpg"))
    assert len(shortened.encode()) <= 1024
    assert shortened.startswith("\u2026\u00e9")
    assert shortened.endswith("\u00e9/cat.jpg")


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["cat,dog"], ("cat", "dog")),
        ([" cat , black dog,", "bird"], ("cat", "black dog", "bird")),
        (["Cat,dog,cat"], ("Cat", "dog")),
        ([",", " "], ()),
    ],
)
def test_labels_are_split_at_commas(values: list[str], labels: tuple[str, ...]) -> None:
    assert split_names(values) == labels


OTHER_QUESTIONS = [
    Question(text=("cat",)),
    Question(moderation=("cat",)),
    Question(features=(Feature.LABELS,)),
    Question(features=(Feature.TEXT,)),
    Question(features=(Feature.LABELS, Feature.TEXT)),
    Question(("cat",), text=("sale",)),
    Question(("cat",), features=(Feature.TEXT,)),
]


def test_idempotency_key_does_not_depend_on_the_order_of_features() -> None:
    orders = [(Feature.TEXT, Feature.LABELS), (Feature.LABELS, Feature.TEXT, Feature.TEXT)]
    assert len({idempotency_key(submit_body(IMAGE, Question(features=each))) for each in orders}) == 1


def test_idempotency_key_of_a_question_about_labels_is_that_of_earlier_versions() -> None:
    """So that a run of an earlier version can be resumed."""
    key = "9ad23375533279c3ce1bae926b49147c9db4a843a24661d78ca85a7fc45dff13"
    assert idempotency_key(submit_body(IMAGE, Question(("cat",)))) == key


def test_idempotency_key_depends_on_question_content_and_replaced_request() -> None:
    body = submit_body(IMAGE, Question(("cat",)))
    keys = [
        idempotency_key(body),
        idempotency_key(submit_body(IMAGE, Question(("dog",)))),
        *(idempotency_key(submit_body(IMAGE, question)) for question in OTHER_QUESTIONS),
        idempotency_key(body | {"sha256": "cd" * 32}),
        idempotency_key(body, replaces="r1"),
        idempotency_key(body, replaces="r2"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 and key.isalnum() for key in keys)
