"""Packaging and module structure of the command line."""

import ast
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cli" / "imagescan_cli"


def imports(module: Path) -> set[str]:
    """Return the modules of the package that a module imports, including imports inside functions."""
    nodes = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)]
    from_package = {each.name for node in nodes if node.module == "imagescan_cli" for each in node.names}
    from_modules = {node.module.removeprefix("imagescan_cli.") for node in nodes if node.module}
    return (from_package | from_modules) & {path.stem for path in PACKAGE.glob("*.py")}


def test_modules_have_no_import_cycles() -> None:
    graph = {module.stem: imports(module) for module in PACKAGE.glob("*.py")}
    assert "sigv4" in graph["auth"]
    assert len([*TopologicalSorter(graph).static_order()]) == len(graph)


def test_extra_for_signing_pins_the_tested_version() -> None:
    extras = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    assert set(extras["aws"]) <= set(tested)


def test_dependencies_pin_the_tested_versions() -> None:
    dependencies = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text())["project"]["dependencies"]
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    assert set(dependencies) <= set(tested)
