"""Imports point inward: handlers -> use cases -> pure modules, adapters -> pure modules."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "imagescan"
INNER = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")
PURE = ("answer", "errors", "images", "labels", "requests", "totals", "uploads")


def imported(path: Path) -> set[str]:
    """The full names of all that a module imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", INNER, ids=lambda path: path.stem)
def test_use_cases_and_pure_modules_know_the_standard_library_and_each_other_only(path: Path) -> None:
    foreign = {name for name in imported(path) if name.split(".")[0] not in {*sys.stdlib_module_names, "imagescan"}}
    outward = {name for name in imported(path) if name.startswith(("imagescan.aws", "imagescan.handlers"))}
    assert (foreign, outward) == (set(), set())


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_import_no_use_case(name: str) -> None:
    siblings = {each.split(".")[1] for each in imported(PACKAGE / f"{name}.py") if each.startswith("imagescan.")}
    assert siblings <= set(PURE)


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("aws/*.py")), ids=lambda path: path.stem)
def test_adapters_import_no_handler(path: Path) -> None:
    assert not {name for name in imported(path) if name.startswith("imagescan.handlers")}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_packages_are_empty_so_that_a_handler_pays_only_for_what_it_imports(path: Path) -> None:
    assert path.read_text() == ""


@pytest.mark.parametrize("name", ["status", "scanner", "sweeper", "ended", "stats", "listing", "http", "log"])
def test_only_what_reads_a_strangers_body_pays_for_pydantic(name: str) -> None:
    assert not {
        each for each in imported(PACKAGE / "handlers" / f"{name}.py") if "pydantic" in each or "bodies" in each
    }


@pytest.mark.parametrize("name", ["submit", "status", "questions", "scanner", "sweeper", "ended", "stats", "listing"])
def test_a_handler_is_short(name: str) -> None:
    lines = (PACKAGE / "handlers" / f"{name}.py").read_text().splitlines()
    assert len([line for line in lines if line and not line.startswith(("import", "from"))]) < 40
