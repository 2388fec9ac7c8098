"""Test what `sam deploy` receives for the local stack."""

from pathlib import Path

import pytest

from tools import sam

PARAMETERS = {"RekognitionEndpointUrl": "http://127.0.0.1:4570", "AuthMode": "open"}


def prefix_of(monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str]) -> str:
    """Return the S3 prefix of the code in a deployment with these parameters."""
    commands: list[list[str]] = []
    monkeypatch.setattr(sam, "_sam", lambda arguments, _: commands.append(arguments))
    sam.deploy(Path("build"), "http://127.0.0.1:4566", parameters)
    [command] = commands
    return command[command.index("--s3-prefix") + 1]


@pytest.mark.parametrize(
    "changed",
    [
        {**PARAMETERS, "RekognitionEndpointUrl": "http://127.0.0.1:4580"},
        {**PARAMETERS, "UploadCorsOrigins": "http://localhost:3000"},
        {"AuthMode": "open"},
    ],
)
def test_each_change_of_the_parameters_changes_the_keys_of_the_code(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str]
) -> None:
    assert prefix_of(monkeypatch, changed) != prefix_of(monkeypatch, PARAMETERS)


def test_the_same_parameters_in_another_order_keep_the_keys_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    reordered = dict(reversed(PARAMETERS.items()))
    assert prefix_of(monkeypatch, reordered) == prefix_of(monkeypatch, PARAMETERS)
