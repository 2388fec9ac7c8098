from pathlib import Path

import pytest

from tools import builds


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content)
    return path


def test_a_finished_build_gets_its_final_name(tmp_path: Path) -> None:
    draft, output = folder(tmp_path / "draft", "new"), tmp_path / "output"
    builds.finish(draft, output)
    assert ((output / "file").read_text(), draft.exists()) == ("new", False)


def test_of_two_concurrent_builds_the_first_is_kept_and_the_second_is_deleted(tmp_path: Path) -> None:
    draft, output = folder(tmp_path / "draft", "second"), folder(tmp_path / "output", "first")
    builds.finish(draft, output)
    assert ((output / "file").read_text(), draft.exists()) == ("first", False)


def test_any_other_error_is_raised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        builds.finish(tmp_path / "missing", tmp_path / "output")
