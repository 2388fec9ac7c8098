"""The production code in a private copy of its modules, with or without changes to its text.

What the explorer replaces in a copy (the handler's collaborators, its thread pool) touches nobody else's; what a mutant
changes is the very text of the protection that it takes away.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

COPIED = ("imagescan", "tests.model_checking")
SHARED = ("imagescan.handlers.log", __name__)  # a logger is the process's own


@dataclass(frozen=True, slots=True)
class Change:
    """In ``module``, the text ``old``, which must stand there just once, becomes ``new``."""

    module: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        found = source.count(self.old)
        if found != 1:
            raise LookupError(f"{self.module} has {self.old!r} {found} times, not once: bring the change up to date.")
        return source.replace(self.old, self.new)


def load(module: str, changes: Sequence[Change] = ()) -> Any:
    """A private copy of ``module`` and of all it imports from the project, made with ``changes``."""
    with _private_modules(changes):
        return importlib.import_module(module)


@contextmanager
def _private_modules(changes: Sequence[Change]) -> Iterator[None]:
    everybody = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_copied(name)}
    finder = _Finder(changes)
    sys.meta_path.insert(0, finder)
    try:
        yield
        finder.check_all_applied()
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_copied(name)]:
            del sys.modules[name]
        sys.modules.update(everybody)


def _is_copied(name: str) -> bool:
    return name not in SHARED and any(name == root or name.startswith(f"{root}.") for root in COPIED)


class _Finder:
    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._loaded: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        wanted = [change for change in self._changes if change.module == name]
        spec = PathFinder.find_spec(name, path) if wanted else None
        if spec and spec.origin:
            spec.loader = _ChangedLoader(name, spec.origin, wanted)
            self._loaded.add(name)
        return spec

    def check_all_applied(self) -> None:
        """Raises LookupError when a change is of a module that was never imported."""
        missed = {change.module for change in self._changes} - self._loaded
        if missed:
            raise LookupError(f"changes of modules that were not imported: {sorted(missed)}")


class _ChangedLoader(SourceFileLoader):
    def __init__(self, name: str, path: str, changes: Sequence[Change]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, fullname: str) -> CodeType | None:
        source = self.get_data(self.path).decode()
        for change in self._changes:
            source = change.apply(source)
        return self.source_to_code(source.encode(), self.path)
