"""Imports point inward: handlers -> api -> use cases -> domain, and aws -> domain. The folders are the layers."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "imagescan"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
HANDLERS = sorted(path for path in MODULES if path.parent.name == "handlers")
PROGRAMS = ("src", "cli", "local", "tools", "ops", "benchmarks", "testing", "scripts", "bootstrap")
NO_SOURCES = {"node_modules", ".venv", "__pycache__"}

MAY_IMPORT = {
    "domain": {"domain"},
    "use_cases": {"domain", "use_cases"},
    "aws": {"domain", "aws"},
    "runtime": {"domain", "use_cases", "runtime"},
    "api": {"domain", "use_cases", "runtime", "api", "settings"},
    "handlers": {"domain", "use_cases", "runtime", "api", "settings", "aws"},
    "settings": set(),
}
"""Layers from which the modules of each layer may import. ``settings`` is a single module at the package root."""
COMPOSES_ADAPTERS = "imagescan.api.dependencies"
"""The one module outside ``handlers`` that may import ``aws``. Several functions share the tables that it creates."""
READS_BODIES = {"submit", "ask_follow_up"}
"""Handlers that validate a request body with pydantic, which is slow to import."""


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the full names of everything that a module imports, also inside functions and for type checking."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SRC).with_suffix("").parts)


def layer(module: str) -> str:
    return module.split(".")[1]


def imported_modules(path: Path) -> set[str]:
    """Return the names of the package's modules that a module imports."""
    known = {module_name(each) for each in MODULES}
    names = {name for name in imported(path) if name.startswith("imagescan.")}
    found = {name if name in known else name.rpartition(".")[0] for name in names}
    assert found <= known, f"{path} imports {found - known}"
    return found


def loaded_by(path: Path) -> set[str]:
    """Return the names of the package's modules that are loaded with a module, itself included."""
    paths = {module_name(each): each for each in MODULES}
    loaded, waiting = set(), [module_name(path)]
    while waiting:
        module = waiting.pop()
        if module not in loaded:
            loaded.add(module)
            waiting += imported_modules(paths[module])
    return loaded


def program_files() -> Iterator[Path]:
    for name in PROGRAMS:
        for folder, folders, files in (ROOT / name).walk():
            folders[:] = [each for each in folders if each not in NO_SOURCES]
            yield from (folder / file for file in files if file.endswith(".py"))


def test_every_module_belongs_to_a_layer() -> None:
    assert {layer(module_name(path)) for path in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_inward(path: Path) -> None:
    name = module_name(path)
    others = {layer(each) for each in imported_modules(path)}
    composes = {"aws"} if name == COMPOSES_ADAPTERS else set()
    assert others <= MAY_IMPORT[layer(name)] | composes


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent.name in {"domain", "use_cases"}], ids=module_name
)
def test_domain_and_use_cases_import_only_the_standard_library_and_each_other(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported(path)}
    assert packages <= {*sys.stdlib_module_names, "imagescan"}


def test_modules_have_no_import_cycles() -> None:
    graph = {module_name(path): imported_modules(path) for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: path.parent.name)
def test_packages_are_empty_so_that_a_handler_loads_only_what_it_imports(path: Path) -> None:
    assert path.read_text() == ""


def test_only_the_request_models_import_pydantic() -> None:
    importers = {module_name(path) for path in MODULES if any(each.startswith("pydantic") for each in imported(path))}
    assert importers == {"imagescan.api.request_models"}


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_only_functions_that_read_a_body_load_pydantic(path: Path) -> None:
    assert ("imagescan.api.request_models" in loaded_by(path)) is (path.stem in READS_BODIES)


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_a_handler_has_fewer_than_40_lines_besides_its_imports(path: Path) -> None:
    source = path.read_text()
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    import_lines = {line for node in imports for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = [line for number, line in enumerate(source.splitlines(), start=1) if line and number not in import_lines]
    assert len(lines) < 40


def test_programs_import_no_module_from_the_tests() -> None:
    files = list(program_files())
    assert {"imagescan", "imagescan_cli", "testing"} <= {path.parent.name for path in files}
    importers = {
        str(path.relative_to(ROOT))
        for path in files
        if any(name.split(".")[0] in {"tests", "conftest"} for name in _imported_anywhere(path))
    }
    assert importers == set()


def _imported_anywhere(path: Path) -> set[str]:
    """Return the full names of absolute imports. Relative imports cannot leave their package."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
