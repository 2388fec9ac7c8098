"""What a function makes init_once, and when."""

import pytest

from imagescan.runtime.init import init_once


@pytest.mark.parametrize(("runtime", "made_at_import"), [("AWS_Lambda_python3.13", 1), (None, 0)])
def test_what_a_function_needs_is_made_once_and_on_lambda_before_its_first_call(
    monkeypatch: pytest.MonkeyPatch, runtime: str | None, made_at_import: int
) -> None:
    monkeypatch.delenv("AWS_EXECUTION_ENV", raising=False)
    if runtime:
        monkeypatch.setenv("AWS_EXECUTION_ENV", runtime)
    made: list[object] = []

    @init_once
    def collaborators() -> object:
        made.append(object())
        return made[-1]

    assert len(made) == made_at_import
    assert collaborators() is collaborators() is made[0]
    assert len(made) == 1
