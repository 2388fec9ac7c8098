"""Test when the collaborators of a function are created."""

import pytest

from imagescan.runtime.init import init_once


@pytest.mark.parametrize(("runtime", "created_at_import"), [("AWS_Lambda_python3.13", 1), (None, 0)])
def test_collaborators_are_created_once_and_on_lambda_before_the_first_call(
    monkeypatch: pytest.MonkeyPatch, runtime: str | None, created_at_import: int
) -> None:
    monkeypatch.delenv("AWS_EXECUTION_ENV", raising=False)
    if runtime:
        monkeypatch.setenv("AWS_EXECUTION_ENV", runtime)
    created: list[object] = []

    @init_once
    def dependencies() -> object:
        created.append(object())
        return created[-1]

    assert len(created) == created_at_import
    assert dependencies() is dependencies() is created[0]
    assert len(created) == 1
