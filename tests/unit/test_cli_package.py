import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_signing_takes_the_very_library_that_it_is_tested_with() -> None:
    extras = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    assert set(extras["aws"]) <= set(tested)


def test_the_command_line_is_tested_with_the_very_libraries_that_it_is_installed_with() -> None:
    wanted = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text())["project"]["dependencies"]
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    assert set(wanted) <= set(tested)
