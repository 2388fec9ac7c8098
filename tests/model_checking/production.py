"""Private copies of the production modules, with or without changes to their source.

The model checker replaces attributes of a copy (the handler's dependencies, its thread pool) without affecting other
tests. A mutant changes the source of the protection that it removes.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

COPIED = ("imagescan", "ops.rescan", "tests.model_checking")
SHARED = ("imagescan.runtime.log", __name__)  # a process has one logger


@dataclass(frozen=True, slots=True)
class Change:
    """Replaces ``old``, which must occur exactly once in the source of ``module``, with ``new``."""

    module: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        found = source.count(self.old)
        if found != 1:
            raise LookupError(f"{self.module} contains {self.old!r} {found} times instead of once. Update the change.")
        return source.replace(self.old, self.new)


def load(module: str, changes: Sequence[Change] = ()) -> Any:
    """Return a private copy of ``module`` and of the project's modules that it imports, with ``changes`` applied."""
    with _private_modules(changes):
        return importlib.import_module(module)


@contextmanager
def _private_modules(changes: Sequence[Change]) -> Iterator[None]:
    originals = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_copied(name)}
    finder = _Finder(changes)
    sys.meta_path.insert(0, finder)
    try:
        yield
        finder.check_all_applied()
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_copied(name)]:
            del sys.modules[name]
        sys.modules.update(originals)


def _is_copied(name: str) -> bool:
    return name not in SHARED and any(name == root or name.startswith(f"{root}.") for root in COPIED)


class _Finder:
    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._loaded: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        changes_of_module = [change for change in self._changes if change.module == name]
        spec = PathFinder.find_spec(name, path) if changes_of_module else None
        if spec and spec.origin:
            spec.loader = _ChangedLoader(name, spec.origin, changes_of_module)
            self._loaded.add(name)
        return spec

    def check_all_applied(self) -> None:
        """Raise LookupError if the module of a change was not imported."""
        missed = {change.module for change in self._changes} - self._loaded
        if missed:
            raise LookupError(f"modules with changes that were not imported: {sorted(missed)}")


class _ChangedLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, changes: Sequence[Change]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, fullname: str) -> CodeType | None:
        source = self.get_data(self.path).decode()
        for change in self._changes:
            source = change.apply(source)
        return self.source_to_code(source.encode(), self.path)
